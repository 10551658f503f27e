/** The signed-in user's current balance, and the newest transaction as it arrives. */
import { useEffect, useState } from 'react';
import { listen, request } from './api.js';

const BALANCE = '{ viewer { sequence balance { amount currency } } }';
const EVENTS = `
  subscription Live($afterSequence: Int) {
    walletEvents(afterSequence: $afterSequence) {
      sequence
      balance { amount currency }
      ... on TransactionPosted {
        transaction { kind direction amount { amount currency } counterparty { name } }
      }
    }
  }
`;
const RETRY_MS = 3000;

/** `{ balance, transaction, connected }` of that user, or null before the first response. */
export function useLiveWallet(email) {
  const [wallet, setWallet] = useState(null);
  useEffect(() => {
    setWallet(null);
    return email ? follow(setWallet) : undefined;
  }, [email]);
  return wallet;
}

function follow(setWallet) {
  let stop = () => {};
  let over = false;
  let timer;
  const update = (news) => over || setWallet((wallet) => ({ ...wallet, ...news }));
  const again = () => {
    stop();
    update({ connected: false });
    if (!over) timer = setTimeout(start, RETRY_MS);
  };

  async function start() {
    const viewer = await request({ query: BALANCE }).then(
      ({ data }) => data?.viewer,
      () => undefined,
    );
    if (over) return;
    if (!viewer) {
      again();
      return;
    }
    update({ balance: viewer.balance, sequence: viewer.sequence });
    const sink = {
      next: ({ data }) => data?.walletEvents && update(data.walletEvents),
      // The next request finds out whether the session has ended; if so, this stops.
      error: again,
      complete: again,
    };
    const variables = { afterSequence: viewer.sequence };
    stop = listen({ query: EVENTS, variables }, sink, {}, (connected) => update({ connected }));
  }

  start();
  return () => {
    over = true;
    clearTimeout(timer);
    stop();
  };
}
