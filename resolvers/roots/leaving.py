"""Mutations of users who leave."""

import strawberry

from resolvers import leaving
from resolvers.guards import person, verified
from resolvers.limits import EXPORTS, PASSWORDS
from resolvers.operations import operation


@strawberry.type
class LeavingMutations:
    close_account = operation(
        leaving.close_account, person, PASSWORDS,
        description=(
            "Closes the account; the balance must be zero. Signing in within 30 days reopens it; after "
            "that, personal data is erased. Requires a session confirmed within the last hour. Operators cannot "
            "close their accounts."
        ),
    )  # fmt: skip
    export_data = operation(
        leaving.export_data, person, verified, EXPORTS,
        description=(
            "Starts an export of all data held about the viewer; an email follows when it is ready. "
            "While one is pending, no other is started. Requires a session confirmed within the last hour."
        ),
    )  # fmt: skip
