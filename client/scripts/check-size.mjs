// Fails when the JavaScript of the first load, compressed, passes its limit, or when a file asks for another host.
import { readFileSync, readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const LIMIT_BYTES = 130_000;
const dist = new URL('../dist/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('manifest.json', dist), 'utf8'));

/** The entry, the page it opens on, and all that they import at once. */
function firstLoad(pages) {
  const seen = new Set();
  const visit = (key) => {
    if (seen.has(key)) return;
    seen.add(key);
    for (const next of manifest[key].imports ?? []) visit(next);
  };
  for (const key of pages) visit(key);
  return [...seen].map((key) => manifest[key].file).filter((file) => file.endsWith('.js'));
}

function compressedBytes(files) {
  return files.reduce((sum, file) => sum + gzipSync(readFileSync(new URL(file, dist))).length, 0);
}

const entry = Object.keys(manifest).find((key) => manifest[key].isEntry);
const pages = Object.keys(manifest).filter((key) => /^src\/pages\/.*\.vue$/.test(key));
let largest = { bytes: 0, page: '' };
for (const page of pages.length > 0 ? pages : [entry]) {
  const bytes = compressedBytes(firstLoad([entry, page]));
  if (bytes > largest.bytes) largest = { bytes, page };
}
const words = `first load: at most ${(largest.bytes / 1000).toFixed(1)} kB of compressed JavaScript (${largest.page}), limit ${LIMIT_BYTES / 1000} kB`;
if (largest.bytes > LIMIT_BYTES) {
  console.error(`${words}. Load what is not needed at once with import().`);
  process.exit(1);
}
console.log(words);

const html = readFileSync(new URL('index.html', dist), 'utf8');
const styles = readdirSync(new URL('assets/', dist))
  .filter((name) => name.endsWith('.css'))
  .map((name) => readFileSync(new URL(`assets/${name}`, dist), 'utf8'));
const foreign = [html, ...styles].flatMap((text) => text.match(/(?:src|href)="https?:[^"]*"|url\(["']?https?:[^)]*\)/g) ?? []);
if (foreign.length > 0) {
  console.error(`These would be fetched from another host; serve them from here: ${foreign.join(', ')}`);
  process.exit(1);
}
