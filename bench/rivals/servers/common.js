// What every server here has in common: who asks, the pool, the schema, the transfer and the read.
import { createVerifier } from 'fast-jwt'
import pg from 'pg'

pg.types.setTypeParser(pg.types.builtins.INT8, Number)

const environment = process.env
export const port = Number(environment.PORT)

export const pool = new pg.Pool({
  connectionString: environment.DATABASE_URL,
  max: Number(environment.POOL_SIZE),
  idleTimeoutMillis: 0,
  pipeline: Boolean(environment.PIPELINE),
})

// Under names that PostGraphile's tables have not taken.
export const types = /* GraphQL */ `
  input SendMoneyInput {
    recipientId: ID!
    amount: String!
    idempotencyKey: String!
  }
  type MoneySent {
    transaction: SentTransaction!
    viewer: Viewer!
    replayed: Boolean!
  }
  type SentTransaction {
    id: ID!
    reference: ID!
    sequence: Int!
    amount: Money!
    balanceAfter: Money!
    createdAt: String!
    counterparty: Person!
  }
  type Person {
    id: ID!
    name: String!
  }
  type Viewer {
    id: ID!
    email: String!
    sequence: Int!
    user: Person!
    balance: Money!
    transactions(first: Int!, after: String): PageOfTransactions!
  }
  type PageOfTransactions {
    edges: [PageEdge!]!
    pageInfo: PageEnds!
  }
  type PageEdge {
    cursor: String!
    node: PastTransaction!
  }
  type PageEnds {
    hasNextPage: Boolean!
    endCursor: String
  }
  type PastTransaction {
    id: ID!
    reference: ID!
    sequence: Int!
    kind: String!
    direction: String!
    amount: Money!
    fee: Money!
    counterparty: Person
    note: String
    balanceAfter: Money!
    createdAt: String!
  }
  type Money {
    amount: String!
    currency: String!
  }
`

export const schema = /* GraphQL */ `
  type Query {
    viewer: Viewer!
  }
  type Mutation {
    sendMoney(input: SendMoneyInput!): SendMoneyResult!
  }
  union SendMoneyResult = MoneySent | Refused
  type Refused {
    reason: String!
    message: String!
  }
  ${types}
`

// As fast as fast-jwt's documentation knows how: a cache of what was verified, by the token itself, as long
// as the token lives.
const verify = createVerifier({
  key: environment.JWT_SECRET,
  algorithms: ['HS256'],
  allowedIss: environment.JWT_ISSUER,
  allowedAud: environment.JWT_AUDIENCE,
  cache: 100_000,
  cacheTTL: Infinity,
  cacheKeyBuilder: (token) => token,
})

/** The claims of a token. Throws for any that is not genuine. */
export function claimsOf(authorization) {
  if (!authorization?.startsWith('Bearer ')) throw new Error('Sign in first.')
  return verify(authorization.slice(7))
}

/** The id of the person whose token it is. */
export const callerOf = (authorization) => claimsOf(authorization).sub

const AMOUNT = /^(\d{1,12})(?:\.(\d{1,2}))?$/

/** The command in minor units. Throws for what is no amount or no key. */
export function commandOf(caller, { recipientId, amount, idempotencyKey }) {
  const parts = AMOUNT.exec(amount)
  const moved = parts && Number(parts[1]) * 100 + Number((parts[2] ?? '').padEnd(2, '0'))
  if (!moved || moved > 1_000_000) throw new Error('The amount is out of bounds.')
  if (!/^[ -~]{8,64}$/.test(idempotencyKey)) throw new Error('The idempotency key is malformed.')
  if (recipientId === caller) throw new Error('No user pays themselves.')
  return [caller, recipientId, moved, idempotencyKey]
}

/** One statement, prepared once per connection. */
export const TRANSFER = {
  name: 'transfer',
  text: 'SELECT * FROM bench_transfer($1, $2, $3, $4)',
}

const TRANSFERS = {
  name: 'transfers',
  text: 'SELECT * FROM bench_transfers($1, $2, $3, $4)',
}

/** One transfer in a transaction of its own. */
export async function transfer(command) {
  const result = await pool.query({ ...TRANSFER, values: command })
  return result.rows[0]
}

/** Many transfers in one transaction. */
export async function transfers(commands) {
  if (commands.length === 1) return [await transfer(commands[0])]
  const values = [0, 1, 2, 3].map((place) => commands.map((command) => command[place]))
  const result = await pool.query({ ...TRANSFERS, values })
  return result.rows
}

const READ = {
  name: 'viewer',
  text: 'SELECT id, name, email, balance, sequence FROM users WHERE id = $1',
}

/** What `viewer` answers. */
export async function viewerOf(caller) {
  const { rows } = await pool.query({ ...READ, values: [caller] })
  const { id, name, email, balance, sequence } = rows[0]
  return { id, email, sequence, user: { id, name }, balance: money(balance) }
}

const PAGE = {
  name: 'page',
  text: `
    SELECT t.sequence, t.reference, upper(t.kind) AS kind, upper(t.direction) AS direction, t.amount,
      t.fee, t.note, t.balance_after, t.created_at, t.counterparty_id, u.name
    FROM transactions AS t LEFT JOIN users AS u ON u.id = t.counterparty_id
    WHERE t.user_id = $1 AND t.sequence < $2 ORDER BY t.sequence DESC LIMIT $3`,
}

/** What `transactions` answers, newest first; a cursor is a sequence. */
export async function pageOf(caller, { first, after }) {
  if (!(first > 0 && first <= 100)) throw new Error('A page has 1 to 100 items.')
  if (after != null && !/^\d{1,15}$/.test(after)) throw new Error('The cursor is malformed.')
  const values = [caller, after ?? Number.MAX_SAFE_INTEGER, first + 1]
  const { rows } = await pool.query({ ...PAGE, values })
  const edges = rows.slice(0, first).map((row) => edgeOf(caller, row))
  return { edges, pageInfo: { hasNextPage: rows.length > first, endCursor: edges.at(-1)?.cursor } }
}

const edgeOf = (caller, row) => ({
  cursor: String(row.sequence),
  node: {
    id: `${caller}:${row.sequence}`,
    reference: row.reference,
    sequence: row.sequence,
    kind: row.kind,
    direction: row.direction,
    amount: money(row.amount),
    fee: money(row.fee),
    counterparty: row.counterparty_id && { id: row.counterparty_id, name: row.name },
    note: row.note,
    balanceAfter: money(row.balance_after),
    createdAt: row.created_at.toISOString(),
  },
})

export const money = (minor) => ({ amount: (minor / 100).toFixed(2), currency: 'USD' })

/** What `sendMoney` answers. */
export function answerOf([caller, recipientId, moved], row) {
  if (row.outcome !== 'Sent') {
    return { __typename: 'Refused', reason: row.outcome, message: 'The money was not sent.' }
  }
  return {
    __typename: 'MoneySent',
    replayed: row.replayed,
    transaction: {
      id: `${caller}:${row.sequence}`,
      reference: row.reference,
      sequence: row.sequence,
      amount: money(moved),
      balanceAfter: money(row.balance),
      createdAt: row.posted_at.toISOString(),
      counterparty: { id: recipientId, name: row.recipient_name },
    },
    viewer: { sequence: row.sequence, balance: money(row.balance) },
  }
}

/** End when asked to: what is under way is of no interest any more. */
process.on('SIGTERM', () => process.exit(0))
