"""Operations compiled once and executed often: graphql-core's semantics without its interpreter."""

from graphql_server.compiled.plan import Compiler, Plan
from graphql_server.compiled.variables import MAXIMUM_ERRORS, Variables

__all__ = ["MAXIMUM_ERRORS", "Compiler", "Plan", "Variables"]
