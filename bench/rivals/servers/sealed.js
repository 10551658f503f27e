// Transfers that are decided and sealed here, many in a commit: lock and read, decide and seal, write.
import { createHmac, createSecretKey, randomUUID } from 'node:crypto'

import { pool } from './common.js'

const LOCK = { name: 'lock', text: 'SELECT bench_lock($1, $2, $3, $4) AS found' }
const WRITE = { name: 'write', text: 'SELECT bench_write($1, $2)' }
const EPOCH_MS = Date.UTC(2000, 0, 1)

/** An outcome for each command, all in one commit and in two round trips. */
export async function settle(commands) {
  const client = await pool.connect()
  try {
    // Senders, recipients, keys and sessions.
    const asked = [0, 1, 3, 4].map((place) => commands.map((command) => command[place]))
    const [, { rows }] = await Promise.all([
      client.query('BEGIN'),
      client.query({ ...LOCK, values: asked }),
    ])
    const { outcomes, accounts, entries } = decide(rows[0].found, commands)
    const written = [JSON.stringify(accounts), JSON.stringify(entries)]
    await Promise.all([client.query({ ...WRITE, values: written }), client.query('COMMIT')])
    client.release()
    return outcomes
  } catch (error) {
    // With its connection the transaction ends too.
    client.release(error)
    throw error
  }
}

function decide(found, commands) {
  const accounts = new Map()
  for (const [id, name, balance, sequence, posted, seal, number] of found.accounts) {
    const account = { id, name, balance, sequence, posted, seal, number, changed: false }
    accounts.set(id, account)
  }
  const active = new Set(found.active)
  const earlier = new Map((found.posted ?? []).map((each) => [`${each.sender} ${each.key}`, each]))
  const known = { accounts, active, earlier, entries: [], now: found.now }
  const outcomes = commands.map((command) => outcomeOf(command, known))
  const changed = [...accounts.values()].filter((account) => account.changed)
  return { outcomes, accounts: changed, entries: known.entries }
}

function outcomeOf([caller, recipient, moved, key, session], known) {
  const { accounts, active, earlier, entries, now } = known
  const sender = accounts.get(caller)
  const other = accounts.get(recipient)
  if (!active.has(session)) return { outcome: 'SessionEnded' }
  const first = earlier.get(`${caller} ${key}`)
  if (first) {
    const same = first.recipient === recipient && first.amount === moved
    return same ? sent(first, other.name, true) : { outcome: 'KeyReused' }
  }
  if (!sender || !other) return { outcome: 'RecipientNotFound' }
  if (moved > sender.balance) return { outcome: 'InsufficientFunds' }
  const created = Math.max(now, sender.posted, other.posted)
  const shared = { reference: newId(), amount: moved, created }
  const outgoing = post(sender, -moved, { ...shared, direction: 'outgoing', counterparty: recipient, key })
  const incoming = post(other, moved, { ...shared, direction: 'incoming', counterparty: caller, key: null })
  other.number += 1
  incoming.number = other.number
  entries.push(outgoing, incoming)
  return sent(outgoing, other.name, false)
}

function post(account, change, entry) {
  account.balance += change
  account.sequence += 1
  account.posted = entry.created
  account.changed = true
  const posted = { ...entry, user: account.id, sequence: account.sequence, balance: account.balance }
  posted.seal = account.seal = seal(posted, account.seal)
  return posted
}

const sent = ({ reference, sequence, balance, created }, name, replayed) => ({
  outcome: 'Sent',
  reference,
  sequence,
  balance,
  posted_at: new Date(EPOCH_MS + created / 1000),
  recipient_name: name,
  replayed,
})

/** A UUID of version 7. */
function newId() {
  const time = Date.now().toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`
}

// ================================================================ seals, as in domain/ledger/seals.py

const key = createSecretKey(Buffer.from(process.env.AUDIT_KEY ?? '', 'hex'))
const LABEL = 'mini-wallet line 1\n'
const buffer = Buffer.alloc(512)

function seal(entry, before) {
  let end = buffer.write(LABEL, 'latin1')
  end = id(entry.user, end)
  end = integer(entry.sequence, end)
  end = id(entry.reference, end)
  end = text('transfer', end)
  end = text(entry.direction, end)
  end = integer(entry.amount, end)
  end = integer(0, end)
  end = id(entry.counterparty, end)
  end = nothing(end)
  end = integer(entry.balance, end)
  end = integer(entry.created, end)
  end = entry.key === null ? nothing(end) : text(entry.key, end)
  end = nothing(end)
  end += buffer.write(before, end, 'hex')
  return createHmac('sha256', key).update(buffer.subarray(0, end)).digest('hex')
}

function id(value, end) {
  buffer.writeUInt32BE(16, end)
  buffer.write(value.replaceAll('-', ''), end + 4, 'hex')
  return end + 20
}

function integer(value, end) {
  buffer.writeUInt32BE(8, end)
  // As two halves: a BigInt would take longer.
  buffer.writeInt32BE(Math.floor(value / 2 ** 32), end + 4)
  buffer.writeUInt32BE(value % 2 ** 32, end + 8)
  return end + 12
}

function text(value, end) {
  const length = buffer.write(value, end + 4, 'utf8')
  buffer.writeUInt32BE(length, end)
  return end + 4 + length
}

function nothing(end) {
  return buffer.writeUInt32BE(0xffffffff, end)
}
