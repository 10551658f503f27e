"""Other GraphQL servers with the same transfer, from npm, under the same load as the wallet."""

from bench.rivals.measurement import COMMITTING_ALONE, measure

__all__ = ["COMMITTING_ALONE", "measure"]
