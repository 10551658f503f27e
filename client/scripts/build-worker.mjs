// Builds dist/service-worker.js: one classic script, which knows the files of the build and the paths of the router.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const HOME = 'src/pages/Home.vue';
const CHANGING = ['/assets/theme.js', '/assets/manifest.webmanifest', '/assets/icons/icon.svg'];
const root = new URL('../', import.meta.url);
const dist = new URL('dist/', root);
const manifest = JSON.parse(readFileSync(new URL('manifest.json', dist), 'utf8'));
const entry = Object.keys(manifest).find((key) => manifest[key].isEntry);

const first = new Set();
const visited = new Set();
function visit(key) {
  if (visited.has(key)) return;
  visited.add(key);
  const { file, css = [], imports = [] } = manifest[key];
  for (const each of [file, ...css]) first.add(`/${each}`);
  for (const each of imports) visit(each);
}
visit(entry);
visit(HOME);
const all = Object.values(manifest).flatMap(({ file, css = [], assets = [] }) => [file, ...css, ...assets]).map((file) => `/${file}`);
for (const file of all) if (/-latin-wght.*\.woff2$/.test(file)) first.add(file);

const router = readFileSync(new URL('src/router.ts', root), 'utf8');
const routes = [...router.matchAll(/path: '(\/[^(']*)'/g)].map(([, path]) => path);
if (!routes.includes('/')) throw new Error('The paths of src/router.ts were not found.');

const parts = {
  entry: `/${manifest[entry].file}`,
  routes,
  first: [...first].sort(),
  later: [...new Set(all)].filter((file) => !first.has(file)).sort(),
  changing: CHANGING,
};
const hash = createHash('sha256').update(JSON.stringify(parts));
for (const file of ['index.html', ...CHANGING.map((path) => path.slice(1))]) hash.update(readFileSync(new URL(file, dist)));

const built = await build({
  configFile: false,
  logLevel: 'warn',
  publicDir: false,
  define: { BUILD: JSON.stringify({ version: hash.digest('hex').slice(0, 16), ...parts }) },
  build: {
    target: 'es2022',
    write: false,
    lib: { entry: fileURLToPath(new URL('src/worker/service-worker.ts', root)), formats: ['iife'], name: 'worker' },
  },
});
writeFileSync(new URL('service-worker.js', dist), built[0].output[0].code);
