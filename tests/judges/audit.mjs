/** Runs every audit of npm's `graphql-http` against the address in argv: exit status 1 unless all are ok. */
import { serverAudits } from 'graphql-http';
import { say } from './lines.mjs';

const url = process.argv[2];
if (!url) {
  process.stderr.write('Usage: node audit.mjs URL\n');
  process.exit(2);
}

const audits = serverAudits({ url });
const failures = [];
for (const { id, name, fn } of audits) {
  try {
    const result = await fn();
    if (result.status !== 'ok') {
      const { status, reason, response } = result;
      failures.push({ id, name, status, reason, answered: response?.status });
    }
  } catch (error) {
    // An audit throws only where it got no answer that it could judge.
    failures.push({ id, name, status: 'error', reason: String(error.cause ?? error) });
  }
}
say({ total: audits.length, ok: audits.length - failures.length, failures });
process.exit(failures.length ? 1 : 0);
