// Whether the caller's session is active, as of at most four seconds ago. Sessions that were used recently
// are checked every two seconds, in pages; others when they are used, those of the same turn together.
import { pool } from './common.js'
import { together } from './turns.js'

const ACTIVE_MS = 4000
const POLL_MS = 2000
const FORGET_MS = 60_000
const PAGE = 250

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

// By session: the user, and when it was checked and used last.
const known = new Map()

async function check(sessions) {
  const askedAt = performance.now()
  const values = [sessions.map(({ sub }) => sub), sessions.map(({ sid }) => sid)]
  const { rows } = await pool.query({ ...ENDED, values })
  for (const { position } of rows) sessions[position - 1].ended = true
  for (const session of sessions) session.checkedAt = askedAt
  return sessions
}

const checkTogether = together(check)

/** Throws if the session of those claims has ended. */
export async function ensureActive({ sub, sid }) {
  let session = known.get(sid)
  if (!session) known.set(sid, (session = { sub, sid, checkedAt: -Infinity, usedAt: 0, ended: false }))
  session.usedAt = performance.now()
  if (!session.ended && session.usedAt - session.checkedAt > ACTIVE_MS) await checkTogether(session)
  if (session.ended) throw new Error('This session has ended. Sign in again.')
}

async function poll() {
  const forgotten = performance.now() - FORGET_MS
  for (const [sid, { usedAt }] of known) if (usedAt < forgotten) known.delete(sid)
  const active = [...known.values()].filter(({ ended }) => !ended)
  for (let place = 0; place < active.length; place += PAGE) await check(active.slice(place, place + PAGE))
}

/** Start to check sessions that were used recently. */
export function watchSessions() {
  setTimeout(() => poll().catch(console.error).finally(watchSessions), POLL_MS)
}
