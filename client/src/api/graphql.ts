/** GraphQL documents, typed by the schema. */

import { initGraphQLTada } from 'gql.tada';
import type { introspection } from '../graphql-env.d.ts';

export const graphql = initGraphQLTada<{
  introspection: introspection;
  disableMasking: true;
  scalars: {
    /** An exact decimal number as text, never a float. */
    Decimal: string;
    /** A calendar date, such as 2026-11-30. */
    Date: string;
    /** An instant in UTC, RFC 3339. */
    DateTime: string;
  };
}>();

export type { FragmentOf, ResultOf, VariablesOf } from 'gql.tada';
