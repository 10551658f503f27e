"""Operations compiled once and run often: graphql-core's semantics without its interpreter."""

from app.graphql.compiled.plan import Compiler, Plan
from app.graphql.compiled.variables import MAXIMUM_ERRORS, Variables

__all__ = ["MAXIMUM_ERRORS", "Compiler", "Plan", "Variables"]
