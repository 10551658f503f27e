/** The example tabs of the playground, and their storage. */
import { ofBrowser, ofWindow } from './kept.js';
import { demo } from './session.js';

const TABS_KEY = 'graphiql:tabState';
const THEME_KEY = 'graphiql:theme';

// Each window has its own tabs and history, so that two users can be shown side by side and no password outlives
// the window. The theme is shared by all windows.
const shelf = (key) => (key === THEME_KEY ? ofBrowser : ofWindow);

/** GraphiQL's storage. */
export const storage = {
  getItem: (key) => shelf(key).getItem(key),
  setItem: (key, value) => shelf(key).setItem(key, value),
  removeItem: (key) => shelf(key).removeItem(key),
  clear: () => ofWindow.clear(),
  get length() {
    return ofWindow.length;
  },
};

/** Opens the examples unless this window already has tabs, and the example of /docs that the address names. */
export async function openExamples() {
  if (!storage.getItem(TABS_KEY)) openOwn();
  const name = /^#example=(\w+)$/.exec(location.hash)?.[1];
  if (!name) return;
  history.replaceState(null, '', location.pathname + location.search);
  try {
    const response = await fetch('/docs/examples.json');
    const example = (await response.json())[name];
    if (example) openExample(name, example);
  } catch (error) {
    // The tabs are there without it.
    console.warn(`The example ${name} cannot be loaded:`, error);
  }
}

function openOwn() {
  const tabs = examples().map(({ title, query, variables }) => ({
    id: `example-${title}`,
    title,
    query: query.trimStart(),
    variables: variables ? JSON.stringify(variables, null, 2) : '',
    headers: null,
    operationName: title,
    response: null,
  }));
  storage.setItem(TABS_KEY, JSON.stringify({ tabs, activeTabIndex: 0 }));
  storage.setItem('graphiql:query', tabs[0].query);
  storage.setItem('graphiql:variables', tabs[0].variables);
}

/** Adds a tab with an example of /docs, which replaces the one opened before. */
function openExample(name, { document, variables }) {
  const id = `docs-${name}`;
  const { tabs: all } = JSON.parse(storage.getItem(TABS_KEY));
  const tabs = all.filter((tab) => tab.id !== id);
  const [, title] = /(?:query|mutation|subscription)\s+(\w+)/.exec(document);
  tabs.push({ id, title, query: document, variables, headers: null, operationName: title, response: null });
  storage.setItem(TABS_KEY, JSON.stringify({ tabs, activeTabIndex: tabs.length - 1 }));
  storage.setItem('graphiql:query', document);
  storage.setItem('graphiql:variables', variables);
  storage.removeItem('graphiql:headers');
}

/** Replaces this window's tabs by the examples, with new idempotency keys. */
export function reopenExamples() {
  for (const key of [TABS_KEY, 'graphiql:query', 'graphiql:variables', 'graphiql:headers']) {
    storage.removeItem(key);
  }
  location.reload();
}

// crypto.randomUUID is missing in insecure contexts: plain http on any host but localhost.
function idempotencyKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return `playground-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

// In UTC, which is the time zone of users who have not chosen one.
function dateIn(days) {
  return new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
}

function examples() {
  const credentials = demo
    ? { email: 'user.alpha@demo.app', password: 'mini@Wallet025' }
    : { email: 'you@example.com', password: '' };
  const recipient = demo ? 'user.beta@demo.app' : 'someone@example.com';
  return [
    {
      title: 'SignIn',
      // useCookie has a default, but GraphiQL reports it as missing.
      variables: { input: { ...credentials, useCookie: false } },
      query: `
# Press the pink button or Ctrl-Enter to sign in.
#
# The playground stores the access token for this
# window and sends it from every tab. The bar at
# the top shows who is signed in. Another window
# can be signed in as another user.
#
# A program sends the token itself, in a header.
# To do the same in one tab, enter in "Headers":
# {"Authorization": "Bearer <accessToken>"}

mutation SignIn($input: LoginInput!) {
  login(input: $input) {
    __typename
    ... on SignedIn {
      credentials {
        accessToken
        expiresAt
        refreshToken
      }
      viewer {
        email
        balance { amount currency }
      }
    }
    ... on UserError { message }
  }
}
`,
    },
    {
      title: 'WhoAmI',
      query: `
# The signed-in user, the balance and the newest
# transactions. "viewer" is null when signed out.

query WhoAmI {
  viewer {
    id
    email
    user { name }
    balance { amount currency }
    sequence
    transactions(first: 5) {
      nodes {
        sequence
        kind
        direction
        amount { amount currency }
        fee { amount }
        counterparty { name }
        note
        balanceAfter { amount }
        createdAt
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}
`,
    },
    {
      title: 'WatchWallet',
      variables: { afterSequence: null },
      query: `
# Start the subscription, then send or add money
# in another window. Each transaction arrives here
# once and in order, even after a lost connection.
# Switching tabs ends the subscription; the balance
# at the top stays up to date.
#
# Set afterSequence to a number to receive earlier
# transactions after that one first: try 0.

subscription WatchWallet($afterSequence: Int) {
  walletEvents(afterSequence: $afterSequence) {
    __typename
    sequence
    balance { amount currency }
    ... on TransactionPosted {
      transaction {
        kind
        direction
        amount { amount currency }
        counterparty { name }
        note
        createdAt
      }
    }
  }
}
`,
    },
    {
      title: 'AddBalance',
      variables: { input: { amount: '50.00', idempotencyKey: idempotencyKey() } },
      query: `
# Run it twice: the second response is "replayed",
# and the money was added only once. To add money
# again, change the idempotency key.

mutation AddBalance($input: AddBalanceInput!) {
  addBalance(input: $input) {
    __typename
    ... on BalanceAdded {
      replayed
      transaction {
        sequence
        amount { amount currency }
      }
      viewer {
        balance { amount currency }
      }
    }
    ... on UserError { message }
  }
}
`,
    },
    {
      title: 'FindUsers',
      variables: { query: demo ? 'beta' : 'maria' },
      query: `
# Searches by part of a name, by the beginning of a
# handle or by a full email address.

query FindUsers($query: String!) {
  searchUsers(query: $query, first: 10) {
    nodes { id name handle emailHint }
    pageInfo { hasNextPage endCursor }
  }
}
`,
    },
    {
      title: 'PreviewTransfer',
      variables: { amount: '12.34' },
      query: `
# The fee and total of a transfer. Nothing is sent.

query PreviewTransfer($amount: Decimal!) {
  transferPreview(amount: $amount) {
    __typename
    ... on TransferPreview {
      amount { amount currency }
      fee { amount }
      total { amount }
      shortfall { amount }
      maximumSendable { amount }
    }
    ... on UserError { message }
  }
}
`,
    },
    {
      title: 'SendMoney',
      variables: {
        input: {
          recipient: { email: recipient },
          amount: '12.34',
          note: 'Lunch',
          idempotencyKey: idempotencyKey(),
        },
      },
      query: `
# The recipient is an email address, a handle, as in
# {"handle": "anna.b"}, or an id from FindUsers, as
# in {"userId": "…"}.
#
# Run it twice: the second response is "replayed",
# and the money was sent only once. To send again,
# change the idempotency key.

mutation SendMoney($input: SendMoneyInput!) {
  sendMoney(input: $input) {
    __typename
    ... on MoneySent {
      replayed
      transaction {
        reference
        sequence
        amount { amount currency }
        fee { amount }
        counterparty { name }
        balanceAfter { amount }
      }
      viewer {
        balance { amount currency }
      }
    }
    ... on InsufficientFunds {
      shortfall { amount }
    }
    ... on UserError { message }
  }
}
`,
    },
    {
      title: 'RequestMoney',
      variables: {
        input: {
          payer: { email: recipient },
          amount: '8.20',
          note: 'Dinner',
          idempotencyKey: idempotencyKey(),
        },
      },
      query: `
# The payer pays or declines it in the web client,
# or with payRequest or declineRequest and its id.
# Without "payer", anyone with the link can pay it,
# once.

mutation RequestMoney($input: RequestMoneyInput!) {
  requestMoney(input: $input) {
    __typename
    ... on MoneyRequested {
      replayed
      paymentRequest {
        id
        status
        amount { amount currency }
        payer { name }
        link
        expiresAt
      }
    }
    ... on UserError { message }
  }
}
`,
    },
    {
      title: 'ScheduleTransfer',
      variables: {
        input: {
          recipient: { email: recipient },
          amount: '4.50',
          note: 'Rent',
          startsOn: dateIn(1),
          recurrence: { unit: 'MONTH', interval: 1 },
          idempotencyKey: idempotencyKey(),
        },
      },
      query: `
# Sends the amount every month at 08:00 in the time
# zone of the viewer. Without "recurrence" it is sent
# once. endScheduledTransfer ends it.

mutation ScheduleTransfer($input: ScheduleTransferInput!) {
  scheduleTransfer(input: $input) {
    __typename
    ... on TransferScheduled {
      replayed
      scheduledTransfer {
        id
        status
        recipient { name }
        timeZone
        nextRunAt
      }
    }
    ... on UserError { message }
  }
}
`,
    },
    {
      title: 'Statement',
      variables: { from: dateIn(-30), to: dateIn(0) },
      query: `
# The statement of these days. "download" is the
# address of a file, for five minutes: open it in the
# browser. The other formats are CSV, OFX, CAMT_053.

query Statement($from: Date!, $to: Date!) {
  viewer {
    statement(from: $from, to: $to) {
      __typename
      ... on Statement {
        openingBalance { amount currency }
        incoming { amount }
        outgoing { amount }
        fees { amount }
        closingBalance { amount }
        transactionCount
        download(format: PDF)
      }
      ... on UserError { message }
    }
  }
}
`,
    },
    {
      title: 'Register',
      variables: {
        input: {
          name: 'Delta',
          email: 'delta@example.com',
          password: 'four walls and a roof',
        },
      },
      query: `
# Sends an email with a link to verify the address
# with this password.${demo ? ' It is shown at\n# /dev/mail.' : ''}
# Then sign in with the tab SignIn.

mutation Register($input: RegisterInput!) {
  register(input: $input) {
    __typename
    ... on RegistrationReceived { email }
    ... on InvalidInput {
      fields { path message }
    }
    ... on UserError { message }
  }
}
`,
    },
  ];
}
