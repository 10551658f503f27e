/** Contacts and user search. */

import { graphql } from '@/api';

export const Contacts = graphql(`
  query Contacts($first: Int!) {
    viewer {
      id
      contacts(first: $first) {
        id
        name
        handle
        emailHint
      }
    }
  }
`);

export const SearchUsers = graphql(`
  query SearchUsers($query: String!, $first: Int!) {
    searchUsers(query: $query, first: $first) {
      nodes {
        id
        name
        handle
        emailHint
      }
    }
  }
`);

export const OneUser = graphql(`
  query OneUser($id: ID!) {
    node(id: $id) {
      __typename
      id
      ... on User {
        name
        handle
        emailHint
      }
    }
  }
`);

/** Works signed out, where the hint is empty. */
export const UserByHandle = graphql(`
  query UserByHandle($handle: String!) {
    userByHandle(handle: $handle) {
      id
      name
      handle
      emailHint
    }
  }
`);
