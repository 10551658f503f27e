"""Handles: unique names by which users are found and paid, such as "anna.b"."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from datetime import timedelta

from domain import errors, text
from domain.people import skeletons

#: How long a handle that was released or changed stays reserved for its former owner.
RESERVED_FOR = timedelta(days=90)
#: How many reserved handles a user can have, so that nobody can take many out of use.
MAXIMUM_RESERVED = 10
MAXIMUM_CHARACTERS = 20

_FORM = re.compile("[a-z][a-z0-9._]{2,19}")
_BEGINNING = re.compile("[a-z][a-z0-9._]{0,19}")
# Of the service and its staff, and the first parts of addresses of the web client.
_RESERVED = frozenset(
    """
    about abuse account accounts activity admin administrator api app audit bank billing bot bots cash
    contact demo docs everyone faq fraud graphql help helpdesk helper home info insights legal login logout
    mail me mini miniwallet moderator money news nobody noreply notifications null official operator
    operators owner pay payment payments payout postmaster privacy register request requests reset root
    sale sales schedule schedules security send service settings signin signup split staff statement
    statements status superuser support sysadmin system team terms test topup undefined user users verified
    verify wallet walletsupport webhooks webmaster
    """.split()
)


@dataclass(eq=False)
class HandleTaken(errors.DomainError):
    """The handle is in use, or reserved for its former owner."""

    message: str = (
        "This handle is in use, or was released less than 90 days ago. Choose another one."
    )


def typed(handle: str) -> str:
    """The handle in the form in which it is stored, whatever it contains: for looking it up.

    Without surrounding spaces and one "@" in front, in lower case.
    """
    return text.without_invisible(handle).strip().removeprefix("@").strip().lower()


def is_handle(handle: str) -> bool:
    """Whether that could be a stored handle."""
    return _FORM.fullmatch(handle) is not None


def clean_handle(handle: str, path: str = "handle") -> str:
    """The handle as it is stored. Raises InvalidInput for another form, or a reserved word."""
    stored = typed(handle)
    if not is_handle(stored):
        raise errors.invalid(
            path,
            "A handle has 3 to 20 characters of a-z, 0-9, dot and underscore, and begins with a letter.",
        )
    if skeletons.folded(stored.replace(".", "").replace("_", "")) in _reserved_skeletons():
        raise errors.invalid(path, "This handle is reserved. Choose another one.")
    return stored


@functools.cache
def _reserved_skeletons() -> frozenset[str]:
    return frozenset(map(skeletons.folded, _RESERVED))


def is_marked(query: str) -> bool:
    """Whether the query of a search is a handle with "@" in front."""
    return text.without_invisible(query).lstrip().startswith("@")


def searched(query: str) -> str | None:
    """The beginning of a handle in a query of a search; None if no handle begins like that."""
    beginning = typed(query)
    return beginning if _BEGINNING.fullmatch(beginning) else None
