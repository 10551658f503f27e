/** Exports of the user's data, and closing the account. */

import { graphql, type ResultOf } from '@/api';

export const DataExports = graphql(`
  query DataExports {
    viewer {
      id
      dataExports {
        id
        status
        requestedAt
        expiresAt
        size
      }
    }
  }
`);

export type DataExport = NonNullable<ResultOf<typeof DataExports>['viewer']>['dataExports'][number];

export const ExportData = graphql(`
  mutation ExportData {
    exportData {
      email
    }
  }
`);

export const DataExportLinks = graphql(`
  query DataExportLinks {
    viewer {
      id
      dataExports {
        id
        download
      }
    }
  }
`);

export const CloseAccount = graphql(`
  mutation CloseAccount($password: String!) {
    closeAccount(input: { password: $password }) {
      __typename
      ... on AccountClosed {
        erasedAt
      }
      ... on UserError {
        message
      }
    }
  }
`);
