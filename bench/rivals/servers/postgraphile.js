// PostGraphile 5 on node:http: the schema that it makes of the tables, and the transfer as a mutation whose
// plan makes the one call, with no settings around it, for which it would need a transaction in three more
// round trips.
import { createServer } from 'node:http'

import { postgraphile } from 'postgraphile'
import { sideEffectWithPgClient } from 'postgraphile/@dataplan/pg'
import { makePgService } from 'postgraphile/adaptors/pg'
import { context } from 'postgraphile/grafast'
import { grafserv } from 'postgraphile/grafserv/node'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'
import { extendSchema } from 'postgraphile/utils'

import { TRANSFER, answerOf, callerOf, commandOf, pool, port } from './common.js'

// As in the others, under names that the tables have not taken; a refusal is an error here.
const typeDefs = /* GraphQL */ `
  extend type Mutation {
    sendMoney(input: SendMoneyInput!): MoneySent!
  }
  input SendMoneyInput {
    recipientId: ID!
    amount: String!
    idempotencyKey: String!
  }
  type MoneySent {
    transaction: SentTransaction!
    viewer: Viewer!
    replayed: Boolean!
  }
  type SentTransaction {
    id: ID!
    reference: ID!
    sequence: Int!
    amount: Money!
    balanceAfter: Money!
    createdAt: String!
    counterparty: Counterparty!
  }
  type Counterparty {
    id: ID!
    name: String!
  }
  type Viewer {
    sequence: Int!
    balance: Money!
  }
  type Money {
    amount: String!
    currency: String!
  }
`

const transfers = extendSchema((build) => {
  const { executor } = build.input.pgRegistry.pgResources.users
  return {
    typeDefs,
    objects: {
      Mutation: {
        plans: {
          sendMoney(_root, { $input }) {
            return sideEffectWithPgClient(
              executor,
              [context().get('caller'), $input],
              async (client, [caller, input]) => {
                const command = commandOf(caller, input)
                const { rows } = await client.query({ ...TRANSFER, values: command })
                const answer = answerOf(command, rows[0])
                if (rows[0].outcome !== 'Sent') throw new Error(answer.message)
                return answer
              },
            )
          },
        },
      },
    },
  }
})

const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  plugins: [transfers],
  pgServices: [makePgService({ pool, schemas: ['public'], pubsub: false })],
  grafserv: { graphiql: false, watch: false, websockets: false },
  grafast: {
    explain: false,
    context: ({ node }) => ({ caller: callerOf(node.req.headers.authorization) }),
  },
})
const server = createServer()
await instance.createServ(grafserv).addTo(server)
server.listen(port, '127.0.0.1')
