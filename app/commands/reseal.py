"""`reseal`: seals every ledger anew after AUDIT_KEY was replaced."""

from __future__ import annotations

from pathlib import Path

from app.commands import terminal
from persistence.engine import database, pinned
from persistence.ledger import sealing
from settings import MINIMUM_SECRET_BYTES, Settings


def reseal(settings: Settings, *, key_before: Path | None) -> int:
    """Seal every book with AUDIT_KEY, after a look at its seals of before.

    `key_before` is a file with the key of before; None where the books were sealed without one. Exit
    status 0, or 1 after a sentence that names the first line that is not sealed with either.
    """
    with terminal.sentences() as outcome:
        if settings.audit_key is None:
            raise terminal.Refused("AUDIT_KEY is not set: set the one that the books are to have.")
        before = b"" if key_before is None else read_key(key_before)
        with (
            terminal.console.status("Sealing …") as status,
            pinned.connect(
                database.plain_url(settings.database_url.get_secret_value())
            ) as connection,
        ):
            try:
                lines = sealing.reseal(
                    connection,
                    settings.sealing_key,
                    sealed_with=[before],
                    on_entries=lambda lines: status.update(f"Sealing … {lines:,} lines"),
                )
            except sealing.WrongSeal as wrong:
                raise terminal.Refused(
                    f"{wrong.key} is sealed neither with the key of before nor with AUDIT_KEY, and its "
                    "book was left as it was: is that the right key? If it is, the book was changed: "
                    "`./wallet audit`, with AUDIT_KEY as before, names the first row."
                ) from None
        terminal.say(f"{lines:,} lines are sealed with AUDIT_KEY.")
    return outcome.status


def read_key(file: Path) -> bytes:
    """The key in that file. Raises terminal.Refused."""
    try:
        key = file.read_bytes().strip()
    except OSError as error:
        raise terminal.Refused(f"{file} cannot be read: {error.strerror}.") from None
    if len(key) < MINIMUM_SECRET_BYTES:
        raise terminal.Refused(
            f"{file} has no key in it: it takes {MINIMUM_SECRET_BYTES} bytes or more."
        )
    return key
