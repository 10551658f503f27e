// Whether the caller's session is active, as of at most four seconds ago: what was not checked recently is
// checked together.
import { pool } from './common.js'
import { together } from './turns.js'

const ACTIVE_MS = 4000
const SESSIONS = 50_000

const ENDED = {
  name: 'ended',
  text: `
    SELECT asked.position::int FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS asked (user_id, id, position)
    WHERE NOT EXISTS (
      SELECT FROM sessions AS s JOIN users AS u ON u.id = s.user_id AND u.closed_at IS NULL
      WHERE s.user_id = asked.user_id AND s.id = asked.id AND s.ended_at IS NULL
        AND s.rotated_at > clock_timestamp() - interval '30 days'
        AND s.created_at > clock_timestamp() - interval '180 days'
    )`,
}

const checkedAt = new Map()

const check = together(async (callers) => {
  const askedAt = performance.now()
  const values = [callers.map(({ sub }) => sub), callers.map(({ sid }) => sid)]
  const { rows } = await pool.query({ ...ENDED, values })
  const ended = new Set(rows.map(({ position }) => position - 1))
  if (checkedAt.size > SESSIONS) checkedAt.clear()
  return callers.map(({ sid }, place) => {
    if (ended.has(place)) return false
    checkedAt.set(sid, askedAt)
    return true
  })
})

/** Throws if the session of those claims has ended. */
export async function ensureActive(claims) {
  if (performance.now() - (checkedAt.get(claims.sid) ?? -Infinity) < ACTIVE_MS) return
  if (!(await check(claims))) throw new Error('This session has ended. Sign in again.')
}
