"""Mutations of users who leave."""

import strawberry

from resolvers import leaving
from resolvers.guards import person
from resolvers.limits import PASSWORDS
from resolvers.operations import operation


@strawberry.type
class LeavingMutations:
    close_account = operation(
        leaving.close_account, person, PASSWORDS,
        description=(
            "Closes the account; the balance must be zero. Signing in within 30 days reopens it; after "
            "that, personal data is erased. Requires a confirmed session."
        ),
    )  # fmt: skip
