// Fails when the first load of / or the scripts of any other page, compressed, pass the limit, or when a file asks for another host.
import { readFileSync, readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const LIMIT_BYTES = 130_000;
const HOME = 'src/pages/Home.vue';
const REPORTED = 3;
const dist = new URL('../dist/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('manifest.json', dist), 'utf8'));
const entry = Object.keys(manifest).find((key) => manifest[key].isEntry);
const pages = Object.keys(manifest).filter((key) => /^src\/pages\/.*\.vue$/.test(key));

/** The entry, the page it opens on, and all that they import at once. */
function filesOf(page) {
  const seen = new Set();
  const visit = (key) => {
    if (seen.has(key)) return;
    seen.add(key);
    for (const next of manifest[key].imports ?? []) visit(next);
  };
  visit(entry);
  visit(page);
  const parts = [...seen].map((key) => manifest[key]);
  return { scripts: parts.map(({ file }) => file), others: new Set(['index.html', 'assets/theme.js', ...parts.flatMap(({ css }) => css ?? [])]) };
}

const compressed = new Map();
function compressedBytes(files) {
  let sum = 0;
  for (const file of files) {
    if (!compressed.has(file)) compressed.set(file, gzipSync(readFileSync(new URL(file, dist))).length);
    sum += compressed.get(file);
  }
  return sum;
}

const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
const limit = kilobytes(LIMIT_BYTES);
const fonts = readdirSync(new URL('assets/', dist)).filter((name) => /-latin-wght.*\.woff2$/.test(name));
const fontBytes = fonts.reduce((sum, name) => sum + readFileSync(new URL(`assets/${name}`, dist)).length, 0);
const { scripts, others } = filesOf(HOME);
const homeBytes = compressedBytes([...scripts, ...others]);
console.log(`first load of /: ${kilobytes(homeBytes)} compressed, limit ${limit} (and a font of ${kilobytes(fontBytes)}, which text does not wait for)`);

const loads = pages.map((page) => ({ page, bytes: compressedBytes(filesOf(page).scripts) })).sort((one, other) => other.bytes - one.bytes);
const words = (some) => some.map(({ page, bytes }) => `${page} ${kilobytes(bytes)}`).join(', ');
console.log(`scripts of the largest pages: ${words(loads.slice(0, REPORTED))}, limit ${limit}`);
const tooLarge = [...(homeBytes > LIMIT_BYTES ? [{ page: '/', bytes: homeBytes }] : []), ...loads.filter(({ bytes }) => bytes > LIMIT_BYTES)];
if (tooLarge.length > 0) {
  console.error(`The first load is too large: ${words(tooLarge)}. Load what is not needed at once with import().`);
  process.exit(1);
}

const html = readFileSync(new URL('index.html', dist), 'utf8');
const styles = readdirSync(new URL('assets/', dist))
  .filter((name) => name.endsWith('.css'))
  .map((name) => readFileSync(new URL(`assets/${name}`, dist), 'utf8'));
const foreign = [html, ...styles].flatMap((text) => text.match(/(?:src|href)="https?:[^"]*"|url\(["']?https?:[^)]*\)/g) ?? []);
if (foreign.length > 0) {
  console.error(`These would be fetched from another host; serve them from here: ${foreign.join(', ')}`);
  process.exit(1);
}
