"""Codes of authenticator apps: TOTP (RFC 6238), 6 digits every 30 seconds."""

from __future__ import annotations

from datetime import datetime

import pyotp
from pyotp.exceptions import OTPVerificationError

#: How many steps before and after the current one are accepted, for clocks that are wrong.
DRIFT = 1
STEP_SECONDS = 30
_DIGITS = 6
_MAXIMUM_CHARACTERS = 20


def new_secret() -> str:
    """160 random bits in base32."""
    return pyotp.random_base32()


def uri(secret: str, *, account: str, issuer: str) -> str:
    """The `otpauth://` URI that authenticator apps read."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def matching_step(secret: str, code: str, *, now: datetime, after_step: int) -> int | None:
    """The step that the code is of; None if it is wrong, or not of a later step than `after_step`.

    Storing the step, as the new `after_step`, is what makes a code work once.
    """
    digits = "".join(code[:_MAXIMUM_CHARACTERS].split())
    if len(digits) != _DIGITS or not (digits.isascii() and digits.isdigit()):
        return None
    try:
        step = pyotp.TOTP(secret).verify_and_get_timecode(digits, for_time=now, valid_window=DRIFT)
    except OTPVerificationError:
        return None
    return step if step > after_step else None
