"""Accounts: email addresses, mails, and the lifetime of links."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import email_validator

from domain import errors, text, time_zones
from domain.values import value

EMAIL_MAXIMUM_CHARACTERS = 254


@value
class Person:
    """A user, as read from the database. The balance is in minor units."""

    user_id: UUID
    name: str
    email: str
    email_verified_at: datetime | None
    balance_minor: int
    sequence: int
    #: IANA name of the zone of the user's calendar days.
    time_zone: str = time_zones.UTC
    handle: str | None = None


class MailPurpose(StrEnum):
    """Why a mail is sent."""

    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    ADDRESS_TAKEN = "address_taken"
    API_TOKEN_CREATED = "api_token_created"  # noqa: S105
    ACCOUNT_CLOSED = "account_closed"
    #: To operators: what a payment provider took back is not covered by a balance.
    BALANCE_SHORT = "balance_short"
    NEW_SIGN_IN = "new_sign_in"
    #: A notification whose message is all there is to say: the detail `number` is its number.
    NOTIFICATION = "notification"


#: How long the link in a mail is valid.
LINK_LIFETIMES = {
    MailPurpose.VERIFY_EMAIL: timedelta(hours=24),
    MailPurpose.RESET_PASSWORD: timedelta(minutes=30),
    # It only ends a session and requests another link.
    MailPurpose.NEW_SIGN_IN: timedelta(days=7),
}


@dataclass(frozen=True, slots=True)
class MailBudget:
    """How many mails of one purpose an address gets within `MAIL_WINDOW`; further ones are sent later."""

    #: Requested from one network.
    per_requester: int
    #: In total.
    per_address: int


#: The lifetime of a reset link: while a further mail waits, the links of the earlier mails still work.
MAIL_WINDOW = timedelta(minutes=30)
#: For mails that anyone can trigger by naming an address.
MAIL_BUDGETS = {
    MailPurpose.VERIFY_EMAIL: MailBudget(per_requester=3, per_address=6),
    MailPurpose.RESET_PASSWORD: MailBudget(per_requester=3, per_address=6),
    MailPurpose.ADDRESS_TAKEN: MailBudget(per_requester=1, per_address=2),
}


# Characters around an address that was copied from a link, a sentence or a list.
_SURROUNDINGS = ("<>", '""', "''", "()", "[]", "“”", "‘’", "«»", "„“")
_FULL_WIDTH: dict[int, int | str] = {
    **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)},
    **dict.fromkeys((0x3002, 0xFF61), "."),
}
_PASTED_MAXIMUM_CHARACTERS = 1_000


def pasted_address(pasted: str) -> str:
    """The address in a typed or pasted text: the rule for every input of an address.

    Removes invisible characters, and around the address spaces, `mailto:`, pairs of brackets and quotes,
    and a final period, comma, colon or semicolon. Full-width characters become ASCII. The client does the same (src/lib/addresses.ts).
    """
    address = text.without_invisible(pasted).translate(_FULL_WIDTH)
    before = None
    while address != before:
        before = address
        address = address.strip().rstrip(".,;:")
        if address[:7].lower() == "mailto:":
            address = address[7:].partition("?")[0]
        if address[:1] + address[-1:] in _SURROUNDINGS:
            address = address[1:-1]
    return address


def clean_email(email: str, path: str | tuple[str, ...] = "email") -> str:
    """The address as it is stored: `pasted_address` in lower case, its domain in ASCII (IDNA).

    Raises InvalidInput unless it is an address by RFC 5321 and 5322, as `email-validator` implements them.
    Case does not distinguish addresses, as users expect.
    """
    sentence = "Enter an email address such as name@example.com."
    address = pasted_address(email) if len(email) <= _PASTED_MAXIMUM_CHARACTERS else ""
    if len(address) > EMAIL_MAXIMUM_CHARACTERS:
        raise errors.invalid(path, sentence)
    try:
        parsed = email_validator.validate_email(
            address,
            check_deliverability=False,
            allow_smtputf8=False,
            test_environment=True,
            strict=True,
        )
    except email_validator.EmailNotValidError:
        raise errors.invalid(path, sentence) from None
    address = f"{parsed.local_part}@{parsed.ascii_domain}".lower()
    if "." not in parsed.ascii_domain or not address.isascii():
        raise errors.invalid(path, sentence)
    return address


def email_hint(email: str, ends: int = 1) -> str:
    """Enough of an address to recognize a user by: "u…a@demo.app".

    `ends` is how many characters to show at each end, at most half of the part before the @. Empty for a
    closed account, which has no address.
    """
    if not email:
        return ""
    local, _, domain = email.rpartition("@")
    if len(local) < 3:
        return f"{local[:1] if len(local) == 2 else ''}…@{domain}"
    shown = min(ends, max(1, len(local) // 4))
    return f"{local[:shown]}…{local[-shown:]}@{domain}"


def hints_side_by_side(people: Iterable[Person]) -> dict[UUID, str]:
    """By user, the hints of users who are shown together.

    They are longer than usual if two users would have the same name and hint, as far as `email_hint` allows:
    addresses that differ only in the middle still have the same hint.
    """
    different = {person.user_id: person for person in people}
    hints = {user_id: email_hint(person.email) for user_id, person in different.items()}
    ends = 1
    while True:
        looks = {
            user_id: (text.search_text(person.name), hints[user_id])
            for user_id, person in different.items()
        }
        counts = Counter(looks.values())
        ends += 1
        longer = {
            user_id: email_hint(different[user_id].email, ends)
            for user_id, look in looks.items()
            if counts[look] > 1
        }
        if all(hints[user_id] == hint for user_id, hint in longer.items()):
            return hints
        hints |= longer


def address_key(address: str) -> str:
    """An email address as a key of rate limits: hashed, because it is personal data."""
    digest = hashlib.sha256(address.encode("utf-8", "surrogatepass")).hexdigest()
    return f"address:{digest[:32]}"
