import eslint from '@eslint/js';
import globals from 'globals';
import tseslint from 'typescript-eslint';
import vue from 'eslint-plugin-vue';
import accessibility from 'eslint-plugin-vuejs-accessibility';

/** Modules whose state is of the device or the page, whoever is signed in. */
const DEVICE_STATE = [
  'src/lib/user-scope.ts',
  'src/lib/storage.ts',
  'src/lib/clock.ts',
  'src/lib/money.ts',
  'src/lib/typed-amount.ts',
  'src/features/accounts/password-strength.ts',
  'src/features/appearance/appearance.ts',
  'src/features/shell/new-version.ts',
  'src/realtime/connection.ts',
  'src/realtime/listeners.ts',
];

/** Modules that measure only how long something takes, by the device's own clock. */
const INTERVALS = ['src/features/payments/payments.ts', 'src/features/payments/UnsettledPayments.vue'];

const inModule = 'Program > :matches(VariableDeclaration, ExportNamedDeclaration > VariableDeclaration)';
const message = 'Module state that changes belongs to a user and ends with their session: declare it with perUser.';
const USER_STATE = [
  { selector: `${inModule}[kind=let]`, message },
  {
    selector: `${inModule} > VariableDeclarator > CallExpression[callee.name=/^(ref|shallowRef|reactive|shallowReactive|stored)$/]`,
    message,
  },
  {
    selector: `${inModule} > VariableDeclarator > NewExpression[callee.name=/^(Map|Set|WeakMap)$/][arguments.length=0]`,
    message,
  },
];
const wrongClock = 'The clock of this device may be days off, and a page stays open over midnight: use lib/clock.ts.';
const SERVICE_TIME = [
  { selector: 'MemberExpression[object.name=Date][property.name=now]', message: wrongClock },
  { selector: 'NewExpression[callee.name=Date][arguments.length=0]', message: wrongClock },
];

export default tseslint.config(
  { ignores: ['dist/', 'playground/', 'src/graphql-env.d.ts'] },
  eslint.configs.recommended,
  ...tseslint.configs.strict,
  ...tseslint.configs.stylistic,
  ...vue.configs['flat/recommended'],
  ...accessibility.configs['flat/recommended'],
  {
    files: ['**/*.vue'],
    languageOptions: { parserOptions: { parser: tseslint.parser } },
  },
  {
    languageOptions: { globals: { ...globals.browser } },
    rules: {
      'max-lines': ['error', 300],
      'no-console': 'error',
      eqeqeq: 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      // Types tell what is declared; the rule does not know TypeScript's globals.
      'no-undef': 'off',
      'vue/multi-word-component-names': 'off',
      'vue/require-default-prop': 'off',
      'vue/block-lang': ['error', { script: { lang: 'ts' } }],
      'vue/component-api-style': ['error', ['script-setup']],
      // A static style attribute would break the Content-Security-Policy.
      'vue/no-static-inline-styles': 'error',
      'vue/no-v-html': 'error',
      // How lines break is the writer's business.
      'vue/max-attributes-per-line': 'off',
      'vue/singleline-html-element-content-newline': 'off',
      'vue/html-self-closing': ['error', { html: { void: 'always' } }],
      'vue/first-attribute-linebreak': 'off',
      'vue/html-closing-bracket-newline': 'off',
      'vue/html-indent': 'off',
      'vuejs-accessibility/label-has-for': 'off',
      'vuejs-accessibility/form-control-has-label': 'off',
    },
  },
  {
    files: ['src/features/**', 'src/pages/**', 'src/ui/**', 'src/lib/dates.ts'],
    ignores: ['**/*.test.ts', ...INTERVALS],
    rules: { 'no-restricted-syntax': ['error', ...SERVICE_TIME] },
  },
  {
    files: ['src/features/**/*.ts', 'src/pages/**/*.ts', 'src/realtime/**/*.ts', 'src/ui/**/*.ts', 'src/lib/**/*.ts'],
    ignores: ['**/*.test.ts', ...DEVICE_STATE],
    rules: { 'no-restricted-syntax': ['error', ...USER_STATE] },
  },
  {
    files: ['src/features/**/*.ts', 'src/ui/**/*.ts'],
    ignores: ['**/*.test.ts', ...DEVICE_STATE, ...INTERVALS],
    rules: { 'no-restricted-syntax': ['error', ...USER_STATE, ...SERVICE_TIME] },
  },
  {
    files: ['src/**/*.{ts,vue}'],
    ignores: ['**/*.test.ts', 'src/lib/storage.ts', 'src/lib/newer-build.ts', 'src/api/session.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        { name: 'localStorage', message: 'It throws where site data is blocked: use browserStorage of lib/storage.ts.' },
        { name: 'sessionStorage', message: 'It throws where site data is blocked: use browserStorage of lib/storage.ts.' },
      ],
    },
  },
  {
    files: ['scripts/**', '*.config.*'],
    languageOptions: { globals: { ...globals.node } },
    rules: { 'no-console': 'off' },
  },
);
