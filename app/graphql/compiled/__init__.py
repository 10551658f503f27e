"""Operations compiled once and run often: graphql-core's semantics without its interpreter."""

from app.graphql.compiled.plan import Compiler, Plan
from app.graphql.compiled.variables import Variables

__all__ = ["Compiler", "Plan", "Variables"]
