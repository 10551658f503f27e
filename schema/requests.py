"""Payment requests: the type, its list, and the inputs and results of their operations."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import strawberry

from domain import ids
from domain.ledger.pay_request import RequestOf
from domain.requests import payment_requests
from domain.requests.payment_requests import Role, Status
from schema import errors
from schema.connections import PageInfo, cursor_of
from schema.enums import described
from schema.inputs import RecipientInput
from schema.money import Money
from schema.nodes import Node
from schema.people import User
from schema.restrictions import AccountRestricted
from schema.results import MoneySent
from schema.second_factors import InvalidSecondFactor
from schema.step_up import CONFIRMATION, ConfirmationInput, ConfirmationRequired
from schema.transactions import MetadataEntryInput

#: The name of the list in its cursors.
LIST_NAME = "paymentRequests"
_TYPE = "PaymentRequest"

described(
    Status,
    "PaymentRequestStatus",
    "The state of a payment request.",
    PENDING="It can be paid.",
    PAID="It was paid.",
    DECLINED="The payer declined it.",
    CANCELLED="The requester cancelled it.",
    EXPIRED="It was not paid before `expiresAt`.",
)
described(
    Role,
    "PaymentRequestRole",
    "The viewer's side of a payment request.",
    REQUESTER="The viewer requests money.",
    PAYER="The viewer is asked for money.",
)


@strawberry.type(
    description="A request for a fixed amount, addressed to one payer or open to anyone with its link."
)
class PaymentRequest(Node):
    # Links are bound in `resolvers.fields`.
    request: strawberry.Private[payment_requests.PaymentRequest]
    requester: User = strawberry.field(description="The user who receives the money.")
    payer: User | None = strawberry.field(
        description=(
            "The user who is asked to pay, or who paid an open request. Null for an open request that has "
            "not been paid, and for anyone but requester and payer."
        )
    )
    amount: Money = strawberry.field(description="The requested amount.")
    note: str | None = strawberry.field(
        description="The requester's note, which becomes the note of the transaction."
    )
    status: Status = strawberry.field(description="Whether it can be paid, and if not, why.")
    link: str | None = strawberry.field(
        description=(
            "Opaque URL under APP_URL. Opening it never pays. Null for anyone but requester and payer."
        )
    )
    created_at: datetime = strawberry.field(description="When it was created.")
    expires_at: datetime = strawberry.field(
        description=(
            "The request cannot be paid from this instant on, even before its status changes."
        )
    )
    closed_at: datetime | None = strawberry.field(
        description="When it was paid, declined or cancelled, or expired; null while it is pending."
    )


@strawberry.type(description="A payment request's place in the list.")
class PaymentRequestEdge:
    cursor: str = strawberry.field(description="For `after`.")
    node: PaymentRequest = strawberry.field(description="The payment request.")


@strawberry.type(description="A page of the viewer's payment requests, newest first.")
class PaymentRequestConnection:
    edges: list[PaymentRequestEdge] = strawberry.field(description="The page, with cursors.")
    nodes: list[PaymentRequest] = strawberry.field(description="The page, without cursors.")
    page_info: PageInfo = strawberry.field(
        description="Whether there are further pages, and how to continue."
    )


@strawberry.input(description="Selects the payment requests that meet all conditions given.")
class PaymentRequestFilter:
    role: Role | None = strawberry.field(
        default=strawberry.UNSET,
        description="Only requests that the viewer made, or is asked to pay.",
    )
    status: Status | None = strawberry.field(
        default=strawberry.UNSET, description="Only requests in this state."
    )


def global_id(request: payment_requests.PaymentRequest) -> strawberry.ID:
    """The API's id of a payment request."""
    return strawberry.ID(ids.global_id(_TYPE, request.requester_id, request.request_id))


def read_id(text: str) -> RequestOf | None:
    """The request that an id names; None for any other text."""
    named = ids.read_global_id(text)
    if named is None or named[0] != _TYPE or len(named[1]) != 2:
        return None
    requester_id, request_id = map(ids.read_uuid, named[1])
    if requester_id is None or request_id is None:
        return None
    return RequestOf(requester_id, request_id)


def cursor(request: PaymentRequest) -> str:
    """The position of the request in the list."""
    return cursor_of(LIST_NAME, str(request.request.request_id))


# ================================================================ refusals


@errors.represents(payment_requests.RequestClosed)
@strawberry.type(
    description="The payment request was already paid, declined or cancelled, or has expired."
)
class RequestClosed(errors.UserError):
    payment_request: PaymentRequest = strawberry.field(description="The request as it is now.")


@errors.represents(payment_requests.RequestNotAllowed)
@strawberry.type(
    description=(
        "The user does not accept requests from the viewer, or a limit on requests or reminders was "
        "reached."
    )
)
class RequestNotAllowed(errors.UserError):
    pass


# ================================================================ inputs and results


@strawberry.input(description="The money to request, and from whom.")
class RequestMoneyInput:
    payer: RecipientInput | None = strawberry.field(
        default=strawberry.UNSET,
        description="If omitted, the request is open: anyone with its link can pay it, once.",
    )
    amount: Decimal = strawberry.field(description="In whole units of the currency.")
    note: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Up to 140 characters, visible to anyone with the link.",
    )
    expires_at: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="Defaults to 30 days from now; at most one year."
    )
    idempotency_key: str = strawberry.field(
        description=(
            "Chosen by the caller, 8 to 64 printable ASCII characters. A key creates at most one "
            "request; keys of `requestMoney` are separate from those of other operations."
        )
    )


@strawberry.type(
    description="The payment request was created, by this call or an earlier one with the same key."
)
class MoneyRequested:
    payment_request: PaymentRequest = strawberry.field(description="The request as it is now.")
    replayed: bool = strawberry.field(
        description="True if this key had already created the request and nothing was created now."
    )


RequestMoneyResult = Annotated[
    MoneyRequested
    | errors.EmailNotVerified
    | errors.InvalidAmount
    | errors.InvalidInput
    | errors.RecipientNotFound
    | errors.CannotPayYourself
    | RequestNotAllowed
    | errors.IdempotencyKeyReused
    | AccountRestricted,
    strawberry.union("RequestMoneyResult", description="What `requestMoney` returns."),
]


@strawberry.input(description="The payment request to pay.")
class PayRequestInput:
    payment_request_id: strawberry.ID = strawberry.field(description="A `PaymentRequest.id`.")
    idempotency_key: str = strawberry.field(
        description=(
            "Chosen by the caller, 8 to 64 printable ASCII characters. Shares its key space with "
            "`sendMoney`."
        )
    )
    metadata: list[MetadataEntryInput] | None = strawberry.field(
        default=strawberry.UNSET, description="As for `sendMoney`."
    )
    not_after: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="As for `sendMoney`."
    )
    confirmation: ConfirmationInput | None = strawberry.field(
        default=strawberry.UNSET, description=CONFIRMATION
    )


PayRequestResult = Annotated[
    MoneySent
    | errors.EmailNotVerified
    | errors.InvalidAmount
    | errors.InvalidInput
    | errors.InsufficientFunds
    | errors.NotFound
    | RequestClosed
    | errors.RecipientNotFound
    | errors.CannotPayYourself
    | errors.TokenLimitExceeded
    | errors.IdempotencyKeyReused
    | errors.IdempotencyKeyClosed
    | errors.TooLate
    | AccountRestricted
    | ConfirmationRequired
    | InvalidSecondFactor,
    strawberry.union("PayRequestResult", description="What `payRequest` returns."),
]


@strawberry.input(description="The payment request to decline.")
class DeclineRequestInput:
    payment_request_id: strawberry.ID = strawberry.field(
        description="The `PaymentRequest.id` of a request addressed to the viewer."
    )


@strawberry.input(description="The payment request to cancel.")
class CancelRequestInput:
    payment_request_id: strawberry.ID = strawberry.field(
        description="The `PaymentRequest.id` of a request made by the viewer."
    )


@strawberry.type(
    description="The payment request is closed, by this call or an earlier identical one."
)
class PaymentRequestClosed:
    payment_request: PaymentRequest = strawberry.field(description="The request as it is now.")


CloseRequestResult = Annotated[
    PaymentRequestClosed | RequestClosed | errors.NotFound,
    strawberry.union(
        "CloseRequestResult",
        description=(
            "What `declineRequest` and `cancelRequest` return: RequestClosed if it was already closed in "
            "another way."
        ),
    ),
]
