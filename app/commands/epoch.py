"""`begin-epoch`: makes subscribers start over after a restore to an earlier point in time."""

from __future__ import annotations

from app.commands import terminal
from persistence.delivery import epochs
from settings import Settings


def begin(settings: Settings) -> int:
    """Begin a new epoch, as the owner of the tables. Exit status 0, or 1 after a sentence that says why not."""
    with terminal.sentences() as outcome:
        epoch_id = epochs.begin(settings.database_url.get_secret_value())
        terminal.say(
            f"The epoch {epoch_id} has begun: subscribers and receivers of webhooks can tell its numbers from "
            "those assigned before the restore."
        )
    return outcome.status
