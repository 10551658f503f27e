"""The input and the result of reminding payers."""

from typing import Annotated

import strawberry

from schema import errors
from schema.requests import PaymentRequest, RequestClosed, RequestNotAllowed


@strawberry.input(description="The payment request to remind its payer of.")
class RemindPayerInput:
    payment_request_id: strawberry.ID = strawberry.field(
        description="A `PaymentRequest.id` of a request by the viewer."
    )


@strawberry.type(description="The payer was reminded.")
class PayerReminded:
    payment_request: PaymentRequest = strawberry.field(description="The request as it is now.")


RemindPayerResult = Annotated[
    PayerReminded | RequestClosed | RequestNotAllowed | errors.NotFound,
    strawberry.union("RemindPayerResult", description="What `remindPayer` returns."),
]
