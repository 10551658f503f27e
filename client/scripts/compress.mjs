// Leaves a .br and a .gz beside each file of the build that is worth it, for the service to send.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const WORTH_IT_BYTES = 1024;
const TEXT = /\.(?:js|css|html|svg|webmanifest)$/;
const dist = new URL('../dist/', import.meta.url);

for (const name of readdirSync(dist, { recursive: true })) {
  if (!TEXT.test(name)) continue;
  const file = new URL(name, dist);
  const bytes = readFileSync(file);
  if (bytes.length < WORTH_IT_BYTES) continue;
  writeFileSync(new URL(`${name}.gz`, dist), gzipSync(bytes, { level: 9 }));
  const brotli = { params: { [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } };
  writeFileSync(new URL(`${name}.br`, dist), brotliCompressSync(bytes, brotli));
}
