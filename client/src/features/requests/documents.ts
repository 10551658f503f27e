/** Payment requests: asking for money, reading requests, and closing them. */

import { graphql, type FragmentOf } from '@/api';

/** A payment request, as lists and pages show it. */
export const PaymentRequestFields = graphql(`
  fragment PaymentRequestFields on PaymentRequest {
    id
    requester {
      id
      name
      handle
      emailHint
    }
    payer {
      id
      name
      handle
      emailHint
    }
    amount {
      amount
      currency
    }
    note
    status
    link
    createdAt
    expiresAt
    closedAt
    transaction {
      id
    }
    split {
      id
    }
  }
`);

export type PaymentRequest = FragmentOf<typeof PaymentRequestFields>;
export type RequestStatus = PaymentRequest['status'];

/** A split bill and its requests. */
export const BillSplitFields = graphql(
  `
    fragment BillSplitFields on BillSplit {
      id
      total {
        amount
        currency
      }
      ownShare {
        amount
        currency
      }
      paid {
        amount
        currency
      }
      note
      createdAt
      requests {
        ...PaymentRequestFields
      }
    }
  `,
  [PaymentRequestFields],
);

export type BillSplit = FragmentOf<typeof BillSplitFields>;

export const OneBillSplit = graphql(
  `
    query OneBillSplit($id: ID!) {
      node(id: $id) {
        __typename
        id
        ...BillSplitFields
      }
    }
  `,
  [BillSplitFields],
);

export const SplitBill = graphql(`
  mutation SplitBill($input: SplitBillInput!) {
    splitBill(input: $input) {
      __typename
      ... on BillWasSplit {
        split {
          id
        }
      }
      ... on InvalidInput {
        fields {
          path
          message
        }
      }
      ... on UserError {
        message
      }
    }
  }
`);

export const RemindPayer = graphql(`
  mutation RemindPayer($id: ID!) {
    remindPayer(input: { paymentRequestId: $id }) {
      __typename
      ... on UserError {
        message
      }
    }
  }
`);

export const PaymentRequests = graphql(
  `
    query PaymentRequests($first: Int!, $after: String, $filter: PaymentRequestFilter) {
      viewer {
        id
        paymentRequests(first: $first, after: $after, filter: $filter) {
          nodes {
            ...PaymentRequestFields
          }
          pageInfo {
            hasNextPage
            endCursor
          }
        }
      }
    }
  `,
  [PaymentRequestFields],
);

export const OnePaymentRequest = graphql(
  `
    query OnePaymentRequest($id: ID!) {
      node(id: $id) {
        __typename
        id
        ... on PaymentRequest {
          ...PaymentRequestFields
        }
      }
    }
  `,
  [PaymentRequestFields],
);

/** Works without signing in. */
export const PaymentRequestOfLink = graphql(
  `
    query PaymentRequestOfLink($token: String!) {
      paymentRequest(token: $token) {
        ...PaymentRequestFields
      }
    }
  `,
  [PaymentRequestFields],
);

export const RequestMoney = graphql(
  `
    mutation RequestMoney($input: RequestMoneyInput!) {
      requestMoney(input: $input) {
        __typename
        ... on MoneyRequested {
          paymentRequest {
            ...PaymentRequestFields
          }
        }
        ... on InvalidInput {
          fields {
            path
            message
          }
        }
        ... on UserError {
          message
        }
      }
    }
  `,
  [PaymentRequestFields],
);

export const DeclineRequest = graphql(
  `
    mutation DeclineRequest($id: ID!) {
      declineRequest(input: { paymentRequestId: $id }) {
        __typename
        ... on PaymentRequestClosed {
          paymentRequest {
            ...PaymentRequestFields
          }
        }
        ... on UserError {
          message
        }
      }
    }
  `,
  [PaymentRequestFields],
);

export const CancelRequest = graphql(
  `
    mutation CancelRequest($id: ID!) {
      cancelRequest(input: { paymentRequestId: $id }) {
        __typename
        ... on PaymentRequestClosed {
          paymentRequest {
            ...PaymentRequestFields
          }
        }
        ... on UserError {
          message
        }
      }
    }
  `,
  [PaymentRequestFields],
);
