"""Operations compiled once and run often: graphql-core's semantics without its interpreter."""

from app.graphql.compiled.plan import Compiler, Plan

__all__ = ["Compiler", "Plan"]
