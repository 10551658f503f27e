// Shared commits: what arrives while a batch is under way forms the next.
import { pool } from './common.js'

const COMMANDS = 50
const UNDER_WAY = 2
const WAITING = 1000
const TRANSFERS = {
  name: 'transfers',
  text: 'SELECT * FROM bench_transfers($1, $2, $3, $4)',
}

/** A `transfer` that shares its commit with others, each with an outcome of its own; `alone` moves one. */
export function shared(alone) {
  const waiting = []
  let underWay = 0

  async function settle(batch) {
    try {
      if (batch.length === 1) {
        batch[0].resolve(await alone(batch[0].command))
        return
      }
      const values = [0, 1, 2, 3].map((place) => batch.map(({ command }) => command[place]))
      const { rows } = await pool.query({ ...TRANSFERS, values })
      batch.forEach(({ resolve }, place) => resolve(rows[place]))
    } catch {
      // What fails as a whole is tried one by one: the keys make that safe.
      for (const { command, resolve, reject } of batch) {
        await alone(command).then(resolve, reject)
      }
    }
  }

  async function run() {
    underWay += 1
    while (waiting.length > 0) await settle(nextBatch())
    underWay -= 1
  }

  function nextBatch() {
    // The same key twice would fail the batch: the second waits for the next one.
    const keys = new Set()
    const batch = []
    const later = []
    while (waiting.length > 0 && batch.length < COMMANDS) {
      const each = waiting.shift()
      const key = `${each.command[0]} ${each.command[3]}`
      if (keys.has(key)) later.push(each)
      else {
        keys.add(key)
        batch.push(each)
      }
    }
    waiting.unshift(...later)
    return batch
  }

  return (command) =>
    new Promise((resolve, reject) => {
      if (waiting.length >= WAITING) {
        reject(new Error('Too many wait already: try again with the same key.'))
        return
      }
      waiting.push({ command, resolve, reject })
      // What arrives in the same turn of the event loop goes along.
      if (underWay < UNDER_WAY) setImmediate(() => waiting.length > 0 && underWay < UNDER_WAY && run())
    })
}
