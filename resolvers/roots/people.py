"""Mutations of payment requests, bill splits and blocks."""

import strawberry

from domain.people.sessions import Scope
from resolvers import blocks, requests, splits
from resolvers.guards import person, scope, verified
from resolvers.limits import CHANGES, PAYMENTS, REQUESTS, SPLITS
from resolvers.operations import operation

REQUEST = scope(Scope.REQUEST_MONEY)
SEND = scope(Scope.SEND_MONEY)


@strawberry.type
class RequestMutations:
    request_money = operation(
        requests.request_money, REQUEST, REQUESTS, checks_credential=True,
        description="Creates a payment request, once per idempotency key.",
    )  # fmt: skip
    split_bill = operation(
        splits.split_bill, REQUEST, SPLITS, checks_credential=True,
        description="Creates a payment request for each payer's share of a bill, either all or none.",
    )  # fmt: skip
    pay_request = operation(
        requests.pay_request, SEND, PAYMENTS, checks_credential=True,
        description=(
            "Pays a payment request as `sendMoney` would, and closes it in the same commit, once per "
            "idempotency key."
        ),
    )  # fmt: skip
    decline_request = operation(
        requests.decline_request, REQUEST, CHANGES, checks_credential=True,
        description="Declines a payment request addressed to the viewer.",
    )  # fmt: skip
    cancel_request = operation(
        requests.cancel_request, REQUEST, CHANGES, checks_credential=True,
        description="Cancels a payment request made by the viewer.",
    )  # fmt: skip
    remind_payer = operation(
        requests.remind_payer, REQUEST, CHANGES, checks_credential=True,
        description="Notifies the payer again. Limited to one reminder a day and three in total.",
    )  # fmt: skip
    block_user = operation(
        blocks.block_user, person, verified, CHANGES,
        description=(
            "Blocks a user: neither side can find or request money from the other. Both can still send money, "
            "and pay requests made before."
        ),
    )  # fmt: skip
    unblock_user = operation(
        blocks.unblock_user, person, verified, CHANGES,
        description="Ends the viewer's block of a user. It does not end a block by that user.",
    )  # fmt: skip
