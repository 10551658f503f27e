// GraphQL Yoga on node:http, with the JIT of Envelop, its plugin system.
import { createServer } from 'node:http'

import { useGraphQlJit } from '@envelop/graphql-jit'
import { createSchema, createYoga } from 'graphql-yoga'

import { answerOf, callerOf, commandOf, pageOf, port, schema, transfer, viewerOf } from './common.js'

const yoga = createYoga({
  schema: createSchema({
    typeDefs: schema,
    resolvers: {
      Query: { viewer: (_root, _arguments, { caller }) => viewerOf(caller) },
      Viewer: { transactions: (_viewer, page, { caller }) => pageOf(caller, page) },
      Mutation: {
        async sendMoney(_root, { input }, { caller }) {
          const command = commandOf(caller, input)
          return answerOf(command, await transfer(command))
        },
      },
    },
  }),
  context: ({ req }) => ({ caller: callerOf(req.headers.authorization) }),
  plugins: process.env.YOGA_JIT === '0' ? [] : [useGraphQlJit()],
  logging: false,
  graphiql: false,
  landingPage: false,
  cors: false,
  multipart: false,
})
createServer(yoga).listen(port, '127.0.0.1')
