"""What callers give, as the API takes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mini_wallet_client import models


class Identified(Protocol):
    """What was read and has an id."""

    @property
    def id(self) -> str:
        """The id."""


@dataclass(frozen=True)
class Confirmation:
    """The answer to a ConfirmationRequired, for the same call with the same key."""

    challenge: str
    """That of the ConfirmationRequired."""
    second_factor: models.SecondFactorInput
    """What the user answered, such as `SecondFactorInput.totp_code("492039")`."""


def confirmation_input(given: Confirmation | None) -> dict[str, object] | None:
    """A `ConfirmationInput`."""
    if given is None:
        return None
    answer = given.second_factor
    return {"challenge": given.challenge, "secondFactor": {answer.by: answer.value}}


def recipient(to: models.Recipient | models.User) -> dict[str, object]:
    """A `RecipientInput`. Raises TypeError for anything but a Recipient or a User."""
    if isinstance(to, models.User):
        return {"userId": to.id}
    if not isinstance(to, models.Recipient):
        raise TypeError(f"{to!r} is no recipient: give Recipient.email(…), .handle(…), or a User.")
    return {to.by: to.value}


def recipients(all_of: Sequence[models.Recipient | models.User]) -> list[dict[str, object]]:
    """A list of `RecipientInput`. Raises TypeError as `recipient` does."""
    return [recipient(one) for one in all_of]


def id_of(thing: Identified | str) -> str:
    """The id of what was read, or the id that was given."""
    return thing if isinstance(thing, str) else thing.id


def entries(metadata: Mapping[str, str] | None) -> list[dict[str, str]] | None:
    """Metadata as a list of pairs."""
    if metadata is None:
        return None
    return [{"key": key, "value": value} for key, value in metadata.items()]
