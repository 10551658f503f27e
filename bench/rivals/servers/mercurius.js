// Mercurius on Fastify with its JIT. With SHARED_COMMITS, concurrent requests share a commit as the
// wallet's do; nobody deploys it so, but group commit belongs to no language.
import Fastify from 'fastify'
import mercurius from 'mercurius'

import { shared } from './batches.js'
import { answerOf, callerOf, commandOf, pageOf, port, schema, transfer, transfers, viewerOf } from './common.js'

const move = process.env.SHARED_COMMITS ? shared(transfers) : transfer

const app = Fastify({ logger: false })
app.register(mercurius, {
  schema,
  jit: 1,
  context: (request) => ({ caller: callerOf(request.headers.authorization) }),
  resolvers: {
    Query: { viewer: (_root, _arguments, { caller }) => viewerOf(caller) },
    Viewer: { transactions: (_viewer, page, { caller }) => pageOf(caller, page) },
    Mutation: {
      async sendMoney(_root, { input }, { caller }) {
        const command = commandOf(caller, input)
        return answerOf(command, await move(command))
      },
    },
  },
})
await app.listen({ port, host: '127.0.0.1' })
