// Rate limits, counted in Redis by account and by client address: fixed windows of a minute, the cheapest
// kind; what arrives in the same turn of the event loop is counted in one call.
import { Redis } from 'ioredis'

import { together } from './turns.js'

const FACTOR = Number(process.env.RATE_LIMIT_FACTOR)
const ACCOUNT = 600 * FACTOR
const CLIENT = 3000 * FACTOR
const POLICIES = [
  `"sendMoney.account";q=${ACCOUNT};w=60`,
  `"sendMoney.client";q=${CLIENT};w=60`,
]

const redis = new Redis(process.env.REDIS_URL)
// For each key: how often it was used in this minute, and the seconds until the next.
redis.defineCommand('countUses', {
  lua: `
    local counted = {}
    for place, key in ipairs(KEYS) do
      local uses = redis.call('INCR', key)
      if uses == 1 then redis.call('EXPIRE', key, 60) end
      counted[2 * place - 1], counted[2 * place] = uses, redis.call('TTL', key)
    end
    return counted
  `,
})

const count = together(async (uses) => {
  const keys = uses.flatMap(({ caller, ip }) => [`limit:account:${caller}`, `limit:client:${ip}`])
  const counted = await redis.countUses(keys.length, ...keys)
  return uses.map((_, place) => counted.slice(4 * place, 4 * place + 4))
})

/** Count a use; the headers that say what is left. Throws if nothing is. */
export async function limited(caller, ip) {
  const [byAccount, accountSeconds, byClient, clientSeconds] = await count({ caller, ip })
  if (byAccount > ACCOUNT || byClient > CLIENT) throw new Error('Too many requests: try again later.')
  const tightest = byAccount / ACCOUNT >= byClient / CLIENT
  const left = tightest
    ? `"sendMoney.account";r=${ACCOUNT - byAccount};t=${accountSeconds}`
    : `"sendMoney.client";r=${CLIENT - byClient};t=${clientSeconds}`
  return { 'ratelimit-policy': POLICIES[tightest ? 0 : 1], ratelimit: left }
}

let wokenAt = 0

/** Wake the relay, as after every commit of the wallet: at most every two milliseconds. */
export function wakeRelay() {
  const now = performance.now()
  if (now - wokenAt < 2) return
  wokenAt = now
  redis.publish('relay:wake', '').catch(() => {})
}
