"""`reseal`: reseals every ledger and the log of operators after AUDIT_KEY was replaced."""

from __future__ import annotations

from pathlib import Path

from app.commands import terminal
from persistence.engine import database, pinned
from persistence.ledger import sealing
from persistence.operators import resealing
from settings import MINIMUM_SECRET_BYTES, Settings


def reseal(settings: Settings, *, key_before: Path | None) -> int:
    """Reseal every ledger and the log of operators with AUDIT_KEY, after verifying their existing seals.

    `key_before` is a file with the former key; None if the ledgers were sealed without one. Exit
    status 0, or 1 after a sentence that names the first entry that is sealed with neither.
    """
    with terminal.sentences() as outcome:
        if settings.audit_key is None:
            raise terminal.Refused("AUDIT_KEY is not set: set the new key.")
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
                    on_entries=lambda lines: status.update(f"Sealing … {lines:,} entries"),
                )
                resealing.reseal(connection, settings.sealing_key, sealed_with=[before])
            except sealing.WrongSeal as wrong:
                raise terminal.Refused(
                    f"{wrong.key} is sealed neither with the former key nor with AUDIT_KEY, and what it "
                    "belongs to was not resealed. Check the key. If it is right, the data was altered: run "
                    "`./wallet audit` with the former AUDIT_KEY to see the first row."
                ) from None
        terminal.say(f"{lines:,} entries are sealed with AUDIT_KEY.")
    return outcome.status


def read_key(file: Path) -> bytes:
    """The key in that file. Raises terminal.Refused."""
    try:
        key = file.read_bytes().strip()
    except OSError as error:
        raise terminal.Refused(f"{file} cannot be read: {error.strerror}.") from None
    if len(key) < MINIMUM_SECRET_BYTES:
        raise terminal.Refused(
            f"{file} does not contain a key of at least {MINIMUM_SECRET_BYTES} bytes."
        )
    return key
