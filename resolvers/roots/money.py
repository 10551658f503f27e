"""Mutations that move money, now or later."""

import strawberry

from domain.people.sessions import Scope
from resolvers import scheduled_transfers, transfers
from resolvers.guards import scope, scope_of_kind
from resolvers.limits import ADDITIONS, CHANGES, CLOSURES, TRANSFERS
from resolvers.operations import operation

SCHEDULE = scope(Scope.SCHEDULE_TRANSFERS)
ADD = scope(Scope.ADD_BALANCE)
SEND = scope(Scope.SEND_MONEY)


@strawberry.type
class MoneyMutations:
    add_balance = operation(
        transfers.add_balance, ADD, ADDITIONS, checks_credential=True,
        description="Credits the viewer's own balance, once per idempotency key.",
    )  # fmt: skip
    send_money = operation(
        transfers.send_money, SEND, TRANSFERS, checks_credential=True,
        description=(
            "Debits the sender, credits the recipient and posts an entry to both ledgers, all or "
            "nothing, once per idempotency key."
        ),
    )  # fmt: skip
    close_idempotency_key = operation(
        transfers.close_idempotency_key, scope_of_kind, CLOSURES, checks_credential=True,
        description=(
            "Settles the outcome of an idempotency key: returns the transaction it produced, or closes the "
            "key so that it never produces one, even for a request still in transit."
        ),
    )  # fmt: skip
    schedule_transfer = operation(
        scheduled_transfers.schedule_transfer, SCHEDULE, SEND, TRANSFERS,
        description=(
            "Schedules a transfer, once or repeatedly, once per idempotency key. Each run is sent at 08:00 "
            "in the viewer's time zone, as by `sendMoney`, also after the session or API token that "
            "created it has ended."
        ),
    )  # fmt: skip
    pause_scheduled_transfer = operation(
        scheduled_transfers.pause_scheduled_transfer, SCHEDULE, CHANGES,
        description="Stops the runs of a scheduled transfer until it is resumed.",
    )  # fmt: skip
    resume_scheduled_transfer = operation(
        scheduled_transfers.resume_scheduled_transfer, SCHEDULE, CHANGES,
        description=(
            "Continues a scheduled transfer with the next run that becomes due. Runs that became due while "
            "it was paused are not sent; they are listed as failed."
        ),
    )  # fmt: skip
    end_scheduled_transfer = operation(
        scheduled_transfers.end_scheduled_transfer, SCHEDULE, CHANGES,
        description="Ends a scheduled transfer permanently. If it has already ended, nothing changes.",
    )  # fmt: skip
