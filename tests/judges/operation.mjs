/** The subscription that both GraphQL judges run, and what they say of each result. */
import { count, say } from './lines.mjs';

const WALLET_EVENTS = /* GraphQL */ `
  subscription WalletEvents($after: Int) {
    walletEvents(afterSequence: $after) {
      __typename
      sequence
      balance { amount currency }
      ... on TransactionPosted {
        transaction {
          id reference sequence kind direction note createdAt
          amount { amount currency }
          fee { amount currency }
          counterparty { id name }
          balanceAfter { amount currency }
        }
      }
    }
  }
`;

/**
 * What to subscribe to: QUERY (default: walletEvents with everything of the transaction) with the
 * variable `after` set by AFTER. The clients send this object anew at each connection.
 */
export function operation() {
  const variables = process.env.AFTER ? { after: Number(process.env.AFTER) } : {};
  return { query: process.env.QUERY ?? WALLET_EVENTS, variables };
}

/**
 * Says `{"event": …}` and `{"errors": …}` for each result and ends the process after COUNT events,
 * or with status 1 when the subscription was refused, failed or ended before that.
 * With RESUME=1 a later connection asks for what came after the last sequence seen.
 */
export function listener(payload, dispose) {
  const wanted = count('COUNT');
  let seen = 0;
  let refused = false;
  return {
    next(result) {
      if (result.errors) {
        refused = true;
        say({ errors: result.errors });
      }
      const event = result.data?.walletEvents ?? result.data;
      if (!event) return;
      say({ event });
      if (process.env.RESUME === '1' && event.sequence !== undefined) {
        payload.variables = { ...payload.variables, after: event.sequence };
      }
      seen += 1;
      if (seen >= wanted) finish(dispose, 0);
    },
    error(reason) {
      const closed = reason && typeof reason === 'object' && 'code' in reason && 'reason' in reason;
      if (Array.isArray(reason)) say({ errors: reason });
      else if (!closed) say({ failed: String(reason?.message ?? reason) });
      finish(dispose, 1);
    },
    complete() {
      say({ complete: true });
      finish(dispose, refused || (wanted !== Infinity && seen < wanted) ? 1 : 0);
    },
  };
}

let finishing = false;

async function finish(dispose, status) {
  if (finishing) return;
  finishing = true;
  await dispose();
  process.exit(status);
}
