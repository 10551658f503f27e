"""Other GraphQL servers from npm that make the same transfer, under the same load as the wallet."""
