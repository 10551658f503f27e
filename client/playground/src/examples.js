/** The tabs that the playground opens on, and where a window keeps them. */
import { ofBrowser, ofWindow } from './kept.js';
import { demo } from './session.js';

const TABS_KEY = 'graphiql:tabState';
const THEME_KEY = 'graphiql:theme';

// Each window has tabs and a history of its own, so that two people can be shown side by side and
// nobody's password outlives the window. The choice of light or dark is everybody's.
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

/** Put the examples in place, unless this window has tabs already. */
export function openExamples() {
  if (storage.getItem(TABS_KEY)) return;
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

/** Throw this window's tabs away and open the examples with new idempotency keys. */
export function reopenExamples() {
  for (const key of [TABS_KEY, 'graphiql:query', 'graphiql:variables', 'graphiql:headers']) {
    storage.removeItem(key);
  }
  location.reload();
}

// crypto.randomUUID is missing where the page came over plain http from another machine.
function idempotencyKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return `playground-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

function examples() {
  const credentials = demo
    ? { email: 'user.alpha@demo.app', password: 'mini@Wallet025' }
    : { email: 'you@example.com', password: '' };
  const recipient = demo ? 'user.beta@demo.app' : 'somebody@example.com';
  return [
    {
      title: 'SignIn',
      // useCookie has a default, but GraphiQL marks its absence as a fault.
      variables: { input: { ...credentials, useCookie: false } },
      query: `
# Press the pink button or Ctrl-Enter to sign in.
#
# The playground keeps the token of the answer
# for this window and sends it from every tab:
# the bar on top says who you are. In a second
# window you can be somebody else.
#
# A program sends the token itself, as a header.
# To do so in one tab, write in "Headers" below:
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
# The signed-in person, the balance and the newest
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
# Start it, then move money in another window,
# or pay this person from there: each transaction
# arrives here once and in order, also after a
# lost connection. Changing tabs stops this one;
# the balance on top goes on.
#
# With a number as afterSequence, first all that
# came after it, one by one: try 0.

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
# Run it twice: the second answer is "replayed",
# and nothing moved again. Change the idempotency
# key to add once more.

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
      title: 'FindPeople',
      variables: { query: demo ? 'beta' : 'maria' },
      query: `
# By a part of the name, or by an email address
# typed whole.

query FindPeople($query: String!) {
  searchUsers(query: $query, first: 10) {
    nodes { id name emailHint }
    pageInfo { hasNextPage endCursor }
  }
}
`,
    },
    {
      title: 'PreviewTransfer',
      variables: { amount: '12.34' },
      query: `
# What sending this would cost, without sending it.

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
# The recipient is somebody's email or, with an id
# from FindPeople, {"userId": "…"}.
#
# Run it twice: the second answer is "replayed",
# and nothing moved again. Change the idempotency
# key to send once more.

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
      title: 'Register',
      variables: {
        input: {
          name: 'Delta',
          email: 'delta@example.com',
          password: 'four walls and a roof',
        },
      },
      query: `
# The mail that follows has a link to a page that
# verifies the address with this password${demo ? ':\n# it is at /dev/mail' : ''}. Then sign in with the tab SignIn.

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
