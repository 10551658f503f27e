import { fileURLToPath } from 'node:url';
import tailwindcss from '@tailwindcss/vite';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vitest/config';

const api = process.env.WALLET_API ?? 'http://127.0.0.1:8000';

// For `npm run dev` and `npm run preview`: everything else is the service's.
const proxy = Object.fromEntries(
  ['/graphql', '/docs', '/pusher', '/dev', '/qr.svg', '/statements', '/schema.graphql'].map((path) => [
    path,
    { target: api, ws: path === '/graphql', headers: { origin: api } },
  ]),
);

// As the service serves it.
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self' ws: wss:; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

export default defineConfig({
  plugins: [vue(), tailwindcss()],
  resolve: { alias: { '@': fileURLToPath(new URL('src', import.meta.url)) } },
  // No component of ours or of the libraries uses the Options API, and no page is rendered on a server.
  define: {
    __VUE_OPTIONS_API__: 'false',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
  },
  build: {
    target: 'es2022',
    // The Content-Security-Policy knows no `data:` fonts or scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    manifest: 'manifest.json',
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            // Every page needs all of these two: as one file each they are smaller than as many, and the first changes rarely.
            { name: 'libraries', test: /node_modules\/(@vue|vue|vue-router|@urql|@0no-co|wonka|gql.tada)\// },
            { name: 'initial', tags: ['$initial'] },
            // Each alone is smaller than the headers of the request for it.
            { name: 'icons', test: /lucide/, minShareCount: 2 },
          ],
        },
      },
    },
  },
  server: { proxy },
  preview: { proxy, headers: { 'Content-Security-Policy': policy } },
  test: {
    environment: 'node',
    // A context a file, not a process a file: as separate, and three times as fast.
    pool: 'vmThreads',
    include: ['src/**/*.test.ts'],
    restoreMocks: true,
  },
});
