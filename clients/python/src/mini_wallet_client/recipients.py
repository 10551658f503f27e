"""Who is to get money."""

from __future__ import annotations

from dataclasses import dataclass

from mini_wallet_client.models import User


@dataclass(frozen=True)
class Recipient:
    """A user by one of the things that identify them: use the class methods."""

    by: str
    value: str

    @classmethod
    def user_id(cls, user_id: str) -> Recipient:
        """The user with this id."""
        return cls("userId", user_id)

    @classmethod
    def email(cls, email: str) -> Recipient:
        """The user with this verified address."""
        return cls("email", email)


def recipient_input(to: Recipient | User) -> dict[str, str]:
    """As the API takes it."""
    if isinstance(to, User):
        return {"userId": to.id}
    return {to.by: to.value}
