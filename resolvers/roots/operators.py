"""Mutations of operators."""

import strawberry

from resolvers import operating
from resolvers.limits import OPERATIONS
from resolvers.operations import operation
from resolvers.operators import operators_only

_CONFIRMED = (
    "For operators only, with a session confirmed by a second factor within the last hour, as for the "
    "fields of `Operator`."
)
_REQUIRES = f"Operators cannot do this to their own account. {_CONFIRMED}"


@strawberry.type
class OperatorMutations:
    restrict_account = operation(
        operating.restrict_account, OPERATIONS, operators_only,
        description=(
            "Restricts an account, in addition to restrictions already in force, and notifies its owner. "
            f"{_REQUIRES}"
        ),
    )  # fmt: skip
    lift_restrictions = operation(
        operating.lift_restrictions, OPERATIONS, operators_only,
        description=f"Lifts all restrictions of an account, and notifies its owner. {_REQUIRES}",
    )  # fmt: skip
    reverse_transaction = operation(
        operating.reverse_transaction, OPERATIONS, operators_only,
        description=(
            "Reverses a transaction. Above the approval threshold it becomes a proposal for a second "
            "operator; earlier reversals of the same transaction count towards the threshold. One idempotency "
            "key reverses or proposes at most once. Operators cannot reverse transactions that they take part "
            f"in. {_CONFIRMED}"
        ),
    )  # fmt: skip
    end_sessions = operation(
        operating.end_sessions, OPERATIONS, operators_only,
        description=f"Signs an account out on all devices, and notifies its owner. {_REQUIRES}",
    )  # fmt: skip
    decide_action = operation(
        operating.decide_action, OPERATIONS, operators_only,
        description=(
            "Approves another operator's proposal, which carries it out, or rejects it. If it cannot be "
            f"carried out now, it remains a proposal. {_CONFIRMED}"
        ),
    )  # fmt: skip
