"""Mutations of operators."""

import strawberry

from resolvers import operators
from resolvers.limits import OPERATIONS
from resolvers.operations import operation
from resolvers.operators import operators_only

_REQUIRES = "Requires what `operator` requires. The operator's own account is refused."


@strawberry.type
class OperatorMutations:
    restrict_account = operation(
        operators.restrict_account, OPERATIONS, operators_only,
        description=(
            "Bars an account from some operations, besides those it is barred from already, and notifies its "
            f"owner. {_REQUIRES}"
        ),
    )  # fmt: skip
    lift_restrictions = operation(
        operators.lift_restrictions, OPERATIONS, operators_only,
        description=f"Ends all restrictions of an account, and notifies its owner. {_REQUIRES}",
    )  # fmt: skip
    reverse_transaction = operation(
        operators.reverse_transaction, OPERATIONS, operators_only,
        description=(
            "Reverses a transaction. Above the approval threshold it becomes a proposal for a second "
            "operator. All that was reversed of the transaction counts towards the threshold. One "
            "idempotency key reverses or proposes once. Not for transactions that the operator takes part "
            "in. Requires what `operator` requires."
        ),
    )  # fmt: skip
    end_sessions = operation(
        operators.end_sessions, OPERATIONS, operators_only,
        description=f"Signs an account out on all devices, and notifies its owner. {_REQUIRES}",
    )  # fmt: skip
    decide_action = operation(
        operators.decide_action, OPERATIONS, operators_only,
        description=(
            "Approves a proposal of another operator, which carries it out, or rejects it. If it cannot be "
            "carried out now, it remains a proposal. Requires what `operator` requires."
        ),
    )  # fmt: skip
