"""The input and result of reminding a payer."""

from typing import Annotated

import strawberry

from schema import errors
from schema.requests import PaymentRequest, RequestClosed, RequestNotAllowed


@strawberry.input(description="The payment request to remind the payer of.")
class RemindPayerInput:
    payment_request_id: strawberry.ID = strawberry.field(
        description="The `PaymentRequest.id` of a request made by the viewer."
    )


@strawberry.type(description="The payer was reminded.")
class PayerReminded:
    payment_request: PaymentRequest = strawberry.field(description="The request as it is now.")


RemindPayerResult = Annotated[
    PayerReminded | RequestClosed | RequestNotAllowed | errors.NotFound,
    strawberry.union("RemindPayerResult", description="What `remindPayer` returns."),
]
