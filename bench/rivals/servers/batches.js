// Shared commits: what arrives while a batch is under way forms the next.
const COMMANDS = 200
const UNDER_WAY = 2
const WAITING = 1000

/** A transfer that shares its commit with others; `settle` moves many and returns the outcome of each. */
export function shared(settle) {
  const waiting = []
  let underWay = 0

  async function settleBatch(batch) {
    try {
      const outcomes = await settle(batch.map(({ command }) => command))
      batch.forEach(({ resolve }, place) => resolve(outcomes[place]))
    } catch {
      // What fails as a whole is tried one by one: the keys make that safe.
      for (const { command, resolve, reject } of batch) {
        await settle([command]).then(([outcome]) => resolve(outcome), reject)
      }
    }
  }

  async function run() {
    underWay += 1
    while (waiting.length > 0) await settleBatch(nextBatch())
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
