/** How the judges speak to the tests: one JSON value a line on standard output. */
import { writeSync } from 'node:fs';

/** Print one finding, unbuffered, so that it is there even if the process is killed next. */
export function say(finding) {
  writeSync(1, `${JSON.stringify(finding)}\n`);
}

/** The variable's value, or a sentence on standard error and exit status 2. */
export function required(name) {
  const value = process.env[name];
  if (value) return value;
  process.stderr.write(`${name} is not set: this judge needs it in its environment.\n`);
  process.exit(2);
}

/** A count from the environment; without it, no end. */
export function count(name) {
  return process.env[name] ? Number(process.env[name]) : Infinity;
}

/**
 * The bearer for each successive connection: TOKENS is a JSON list whose last entry serves every
 * further one, TOKEN is one for all, neither is signed out. Entries may be null.
 */
export function bearers() {
  const tokens = process.env.TOKENS ? JSON.parse(process.env.TOKENS) : [process.env.TOKEN ?? null];
  let next = 0;
  return () => {
    const token = tokens[Math.min(next, tokens.length - 1)];
    next += 1;
    return token ? { Authorization: `Bearer ${token}` } : {};
  };
}
