// Calls made in the same turn of the event loop, and those made while one is under way, share the next one.

/** `ask(items)` once for many items; `answers[place]` is what the caller of that item gets. */
export function together(ask) {
  let waiting = []
  let underWay = false

  async function run() {
    const asked = waiting
    waiting = []
    try {
      const answers = await ask(asked.map(({ item }) => item))
      asked.forEach(({ resolve }, place) => resolve(answers[place]))
    } catch (error) {
      for (const { reject } of asked) reject(error)
    }
    if (waiting.length > 0) setImmediate(run)
    else underWay = false
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject })
      if (underWay) return
      underWay = true
      setImmediate(run)
    })
}
