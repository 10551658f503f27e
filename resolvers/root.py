"""The operations table: one entry for each root field of the API, kept by subject in `resolvers.roots`.

An entry has the resolver, the guards in the order in which they run (authentication, scope,
verification, rate limits), the cost, and whether the operation works signed out. Every operation has a rate
limit.
"""

import strawberry
from strawberry.schema.config import StrawberryConfig

from resolvers import fields
from resolvers.operations import field_costs, table, usual_lengths
from resolvers.roots.accounts import AccountMutations
from resolvers.roots.leaving import LeavingMutations
from resolvers.roots.money import MoneyMutations
from resolvers.roots.operators import OperatorMutations
from resolvers.roots.people import RequestMutations
from resolvers.roots.programs import ProgramMutations
from resolvers.roots.queries import NODES, Query
from resolvers.roots.security import SecurityMutations
from resolvers.roots.subscriptions import Subscription
from resolvers.roots.top_ups import TopUpMutations
from schema.events import TransactionPosted
from schema.scalars import SCALARS

__all__ = ["FIELD_COSTS", "NODES", "OPERATIONS", "USUAL_LENGTHS", "strawberry_schema"]


@strawberry.type(description="Changes. The fields of one request are executed one after the other.")
class Mutation(
    AccountMutations,
    MoneyMutations,
    RequestMutations,
    ProgramMutations,
    LeavingMutations,
    TopUpMutations,
    SecurityMutations,
    OperatorMutations,
):
    """The mutations of all subjects."""


#: Every operation by its name in the API.
OPERATIONS = table(Query, Mutation, Subscription)
#: The cost of a field in addition to the objects in its result, by its name.
FIELD_COSTS = field_costs(Query, Mutation, Subscription, *fields.EXTENDED)
#: The usual length of lists without `first`, by their fields' names.
USUAL_LENGTHS = usual_lengths(Query, *fields.EXTENDED)


def strawberry_schema(*, suggestions: bool = True) -> strawberry.Schema:
    """The served schema; `suggestions` enables the "Did you mean" of validation."""
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[TransactionPosted],
        config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=not suggestions),
    )
