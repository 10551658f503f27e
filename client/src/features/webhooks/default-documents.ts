/** The documents that the service uses for webhooks created without one; a test compares them. */

import type { Stream } from './words';

export const DEFAULT_DOCUMENTS: Record<Stream, string> = {
  WALLET_EVENTS: `subscription {
  walletEvents {
    __typename
    sequence
    balance { amount currency }
    ... on TransactionPosted {
      transaction {
        id
        reference
        sequence
        kind
        direction
        amount { amount currency }
        fee { amount currency }
        counterparty { id name emailHint }
        note
        metadata { key value }
        balanceAfter { amount currency }
        createdAt
        seal
      }
    }
  }
}
`,
  NOTIFICATIONS: `subscription {
  notifications {
    id
    number
    kind
    message
    createdAt
    isRead
    transaction {
      id
      reference
      sequence
      kind
      direction
      amount { amount currency }
      fee { amount currency }
      counterparty { id name emailHint }
      note
      metadata { key value }
      balanceAfter { amount currency }
      createdAt
      seal
    }
  }
}
`,
};
