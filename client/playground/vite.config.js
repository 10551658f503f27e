import { defineConfig } from 'vite';

// The page is served at /graphql and its files below /playground/assets/.
export default defineConfig({
  base: '/playground/',
  publicDir: false,
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // Monaco is one chunk by nature, loaded after the page stands.
    chunkSizeWarningLimit: 4096,
    rolldownOptions: {
      // "use client" means nothing without a server that renders; say only what could be a fault.
      onLog: (level, log, report) => log.code === 'MODULE_LEVEL_DIRECTIVE' || report(level, log),
    },
  },
});
