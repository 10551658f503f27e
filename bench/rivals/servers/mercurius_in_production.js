// Mercurius on Fastify with its JIT and shared commits, doing the work of the wallet in production: it
// checks the session, counts rate limits, seals entries, notifies the recipient, sends request ids and
// security headers, logs every request to a file, and counts metrics.
import { randomUUID } from 'node:crypto'

import Fastify, { LogController } from 'fastify'
import mercurius from 'mercurius'
import pino from 'pino'
import { Counter, Histogram, collectDefaultMetrics, register } from 'prom-client'

import { shared } from './batches.js'
import { answerOf, claimsOf, commandOf, port, schema, viewerOf, pageOf } from './common.js'
import { limited, wakeRelay } from './limits.js'
import { settle } from './sealed.js'
import { ensureActive, watchSessions } from './sessions.js'

const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=()',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
}

collectDefaultMetrics()
const requests = new Histogram({
  name: 'request_seconds',
  help: 'Time to answer an HTTP request, by route.',
  labelNames: ['route', 'status'],
  buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
})
const operations = new Counter({
  name: 'operations',
  help: 'Root fields answered, by outcome.',
  labelNames: ['operation', 'outcome'],
})
const commits = new Histogram({
  name: 'commit_commands',
  help: 'Commands that shared a commit.',
  buckets: [1, 2, 5, 10, 20, 50],
})

const move = shared(async (commands) => {
  commits.observe(commands.length)
  const outcomes = await settle(commands)
  wakeRelay()
  return outcomes
})

const app = Fastify({
  // Written by a buffer at a time, as pino's documentation recommends for production.
  loggerInstance: pino(pino.destination({ dest: process.env.ACCESS_LOG, sync: false, minLength: 4096 })),
  // One line for each request, below, in place of two.
  logController: new LogController({ disableRequestLogging: true }),
  genReqId: () => randomUUID(),
})
app.addHook('onRequest', (request, reply, done) => {
  reply.headers(SECURITY_HEADERS).header('x-request-id', request.id)
  done()
})
app.addHook('onResponse', (request, reply, done) => {
  const { method, url, ip, known } = request
  const milliseconds = Math.round(reply.elapsedTime * 10) / 10
  requests.observe({ route: request.routeOptions.url, status: reply.statusCode }, reply.elapsedTime / 1000)
  request.log.info({ method, path: url, status: reply.statusCode, milliseconds, client: ip, ...known }, 'request')
  done()
})
app.decorateRequest('known', null)
app.get('/metrics', async (_request, reply) => reply.type(register.contentType).send(await register.metrics()))

/** The resolver, counted by its outcome and named in the log. */
function counted(operation, resolve) {
  return async (root, args, context) => {
    context.request.known = { operation }
    try {
      const answer = await resolve(root, args, context)
      operations.inc({ operation, outcome: answer.reason ?? 'ok' })
      return answer
    } catch (error) {
      operations.inc({ operation, outcome: 'error' })
      throw error
    }
  }
}

app.register(mercurius, {
  schema,
  jit: 1,
  async context(request, reply) {
    const claims = claimsOf(request.headers.authorization)
    await ensureActive(claims)
    return { caller: claims.sub, session: claims.sid, request, reply }
  },
  resolvers: {
    Query: { viewer: counted('viewer', (_root, _arguments, { caller }) => viewerOf(caller)) },
    Viewer: { transactions: (_viewer, page, { caller }) => pageOf(caller, page) },
    Mutation: {
      sendMoney: counted('sendMoney', async (_root, { input }, { caller, session, request, reply }) => {
        const command = commandOf(caller, input)
        reply.headers(await limited(caller, request.ip))
        return answerOf(command, await move([...command, session]))
      }),
    },
  },
})
watchSessions()
await app.listen({ port, host: '127.0.0.1' })
