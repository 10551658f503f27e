"""Second factors, and the answers to their challenges."""

import strawberry

from domain.people import second_factors
from schema import errors
from schema.enums import described
from schema.scalars import JSON

RESPONSE = "WebAuthn Level 3 AuthenticationResponseJSON."

described(
    second_factors.SecondFactor,
    "SecondFactor",
    "A kind of second factor.",
    TOTP="A code from an authenticator app.",
    PASSKEY="A passkey, with user verification.",
    RECOVERY_CODE="A recovery code, which works once.",
)


@strawberry.input(
    description="The response to a second-factor challenge. Exactly one field must be set.",
    one_of=True,
)
class SecondFactorInput:
    totp_code: str | None = strawberry.field(
        default=strawberry.UNSET, description="The code that the authenticator app shows."
    )
    recovery_code: str | None = strawberry.field(
        default=strawberry.UNSET, description="An unused recovery code."
    )
    passkey: JSON | None = strawberry.field(default=strawberry.UNSET, description=RESPONSE)


@errors.represents(second_factors.InvalidSecondFactor)
@strawberry.type(
    description="The second factor is incorrect, already used, or belongs to another challenge."
)
class InvalidSecondFactor(errors.UserError):
    pass


def answer(given: SecondFactorInput) -> second_factors.Answer:
    """The second factor that was given."""
    return second_factors.Answer(
        totp_code=given.totp_code or None,
        recovery_code=given.recovery_code or None,
        passkey=given.passkey or None,
    )
