// PostGraphile 5 on node:http: the schema that it makes of the tables, and the transfer as a mutation whose
// plan makes the one call, with no settings around it, for which it would need a transaction in three more
// round trips.
import { createServer } from 'node:http'

import { postgraphile } from 'postgraphile'
import { sideEffectWithPgClient } from 'postgraphile/@dataplan/pg'
import { makePgService } from 'postgraphile/adaptors/pg'
import { context, lambda, loadOne, object } from 'postgraphile/grafast'
import { grafserv } from 'postgraphile/grafserv/node'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'
import { extendSchema } from 'postgraphile/utils'

import { TRANSFER, answerOf, callerOf, commandOf, money, pageOf, pool, port, types } from './common.js'

// As in the others; a refusal is an error here.
const typeDefs = /* GraphQL */ `
  extend type Query {
    viewer: Viewer!
  }
  extend type Mutation {
    sendMoney(input: SendMoneyInput!): MoneySent!
  }
  ${types}
`

const wallet = extendSchema((build) => {
  const { users } = build.input.pgRegistry.pgResources
  return {
    typeDefs,
    objects: {
      Query: {
        plans: {
          viewer() {
            const $user = users.get({ id: context().get('caller') })
            const $id = $user.get('id')
            return object({
              id: $id,
              email: $user.get('email'),
              sequence: $user.get('sequence'),
              user: object({ id: $id, name: $user.get('name') }),
              balance: lambda($user.get('balance'), money),
            })
          },
        },
      },
      Viewer: {
        plans: {
          // The query of the others, in place of the connection that it would make of the table.
          transactions(_$viewer, { $first, $after }) {
            return loadOne([context().get('caller'), $first, $after], (pages) =>
              Promise.all(pages.map(([caller, first, after]) => pageOf(caller, { first, after }))),
            )
          },
        },
      },
      Mutation: {
        plans: {
          sendMoney(_root, { $input }) {
            return sideEffectWithPgClient(
              users.executor,
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
  plugins: [wallet],
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
