"""Other GraphQL servers with the same transfer, from npm, under the same load as the wallet."""
