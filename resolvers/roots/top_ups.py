"""Mutations about top-ups through a payment provider."""

import strawberry

from domain.people.sessions import Scope
from resolvers import top_ups
from resolvers.guards import scope
from resolvers.limits import TOP_UPS
from resolvers.operations import operation


@strawberry.type
class TopUpMutations:
    start_top_up = operation(
        top_ups.start_top_up, scope(Scope.ADD_BALANCE), TOP_UPS,
        description=(
            "Creates a checkout at the payment provider, once per idempotency key; shares its key space with "
            "`addBalance`. The balance is credited once the provider confirms the payment. Available if "
            "`wallet.topUpMethod` is `CHECKOUT`."
        ),
    )  # fmt: skip
