/** The bar at the top: the signed-in user, the balance, and signing in and out. */
import { useEffect, useSyncExternalStore } from 'react';
import { reopenExamples } from './examples.js';
import * as session from './session.js';
import { useLiveWallet } from './use-live-wallet.js';

const DEMO_PASSWORD = 'mini@Wallet025';
const DEMO_USERS = ['alpha', 'beta', 'gamma'].map((name) => ({
  name,
  email: `user.${name}@demo.app`,
}));

export function SessionBar() {
  const { session: signedIn, notice } = useSyncExternalStore(session.subscribe, session.current);
  const email = signedIn?.email;
  const wallet = useLiveWallet(email);

  useEffect(() => {
    document.title = email ? `${email} · Mini Wallet playground` : 'Mini Wallet playground';
  }, [email]);

  return (
    <header className="session-bar">
      <h1>Mini Wallet</h1>
      {signedIn ? (
        <p>
          <span className="session-bar-quiet">Signed in as</span> <b>{email}</b>
        </p>
      ) : (
        <p className="session-bar-quiet">
          {session.demo ? 'Signed out.' : 'Signed out. To sign in, run the SignIn tab with your email address.'}
        </p>
      )}
      {signedIn && <Wallet {...wallet} />}
      {notice && <p role="alert">{notice}</p>}
      <div className="session-bar-actions">
        {session.demo && <DemoUsers email={email} />}
        {signedIn && (
          <button type="button" onClick={session.signOut}>
            Sign out
          </button>
        )}
        <button
          type="button"
          onClick={reopenExamples}
          title="Replaces the tabs by the examples, with new idempotency keys"
        >
          Reset examples
        </button>
        <a href="/docs">API reference</a>
      </div>
    </header>
  );
}

function DemoUsers({ email: current }) {
  return (
    <div role="group" aria-label="Sign in as a demo user">
      <span className="session-bar-quiet" aria-hidden="true">
        Sign in as
      </span>
      {DEMO_USERS.map(({ name, email }) => (
        <button
          key={name}
          type="button"
          aria-pressed={email === current}
          onClick={() => session.signIn(email, DEMO_PASSWORD)}
        >
          {name}
        </button>
      ))}
    </div>
  );
}

function Wallet({ balance, transaction, connected }) {
  if (!balance) return null;
  return (
    <p aria-live="polite">
      <b className="session-bar-balance">{money(balance)}</b>{' '}
      {transaction && <span className="session-bar-quiet">{sentence(transaction)}</span>}
      {connected === false && <span className="session-bar-quiet"> Reconnecting…</span>}
    </p>
  );
}

// Intl formats decimal strings exactly, without converting them to floats.
const money = ({ amount, currency }) =>
  new Intl.NumberFormat('en', { style: 'currency', currency, currencyDisplay: 'code' }).format(
    amount,
  );

function sentence({ kind, direction, amount, counterparty }) {
  if (kind === 'TOP_UP') return `You added ${money(amount)}.`;
  if (direction === 'INCOMING') return `${counterparty?.name} sent you ${money(amount)}.`;
  return `You sent ${money(amount)} to ${counterparty?.name}.`;
}
