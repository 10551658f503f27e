"""Confirming a transfer with a second factor."""

import strawberry

from domain.ledger import confirmations
from domain.people.second_factors import SecondFactor
from schema import errors
from schema.scalars import JSON
from schema.second_factors import SecondFactorInput

CONFIRMATION = "The response to ConfirmationRequired, when this request is repeated because of it."


@errors.represents(confirmations.ConfirmationRequired)
@strawberry.type(
    description=(
        "A second factor is required. Repeat the same request with `confirmation` within five minutes; the "
        "challenge is bound to its recipient, amount and idempotency key."
    )
)
class ConfirmationRequired(errors.UserError):
    challenge: str = strawberry.field(description="Works once, for this request only.")
    methods: list[SecondFactor] = strawberry.field(
        description="The kinds of second factor that the account can use."
    )
    passkey_options: JSON | None = strawberry.field(
        description=(
            "WebAuthn Level 3 PublicKeyCredentialRequestOptionsJSON; null if the account has no passkeys."
        )
    )


@strawberry.input(description="Response to ConfirmationRequired.")
class ConfirmationInput:
    challenge: str = strawberry.field(description="From ConfirmationRequired.")
    second_factor: SecondFactorInput = strawberry.field(description="The second factor.")
