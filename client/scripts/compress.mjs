// Leaves a compressed copy beside each file that gets smaller by it, so that the service need not do it.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const SMALLEST_BYTES = 1_000;
const dist = new URL('../dist/', import.meta.url);
const files = readdirSync(dist, { recursive: true }).filter((name) => /\.(?:css|html|js|svg|webmanifest)$/.test(name));

for (const name of files) {
  const file = new URL(name, dist);
  const content = readFileSync(file);
  if (content.length < SMALLEST_BYTES) continue;
  const brotli = brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } });
  writeFileSync(new URL(`${file.href}.br`), brotli);
  writeFileSync(new URL(`${file.href}.gz`), gzipSync(content, { level: 9 }));
}
