"""A run with a broken wallet: `python -m torture.broken.run no-lock --seconds 20 --seed 1`."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from torture import report
from torture.broken import wallets, webhooks
from torture.session import Plan, Session
from torture.stack import Choices, Proof, Stack

#: Wallets whose database is broken before the run, and the promise that each violates.
BROKEN: Mapping[str, tuple[int, Callable[[wallets.Connection], None]]] = {
    "no-lock": (1, wallets.remove_locks),
    "no-key": (2, wallets.forget_keys),
    "early-answer": (2, wallets.acknowledge_early),
    "lost-event": (4, wallets.lose_events),
    "lost-notification": (4, wallets.lose_notifications),
    "lost-mail": (5, wallets.lose_mails),
    "any-order": (6, wallets.lock_in_any_order),
    "no-closed-key": (7, wallets.forget_closed_keys),
    "skipped-delivery": (8, webhooks.skip_failed_events),
    "early-cursor": (8, webhooks.advance_cursors_early),
}
FORGED = "forged-history"


class BrokenStack(Stack):
    """The whole wallet, on a database that was tampered with before the run."""

    def __init__(
        self, folder: Path, choices: Choices, breaking: Callable[[wallets.Connection], None]
    ) -> None:
        super().__init__(folder, choices)
        self._breaking = breaking

    def start_services(self) -> None:
        """Start the services, and break the database."""
        super().start_services()
        with self.postgres.connect() as connection:
            self._breaking(connection)


class ForgedStack(Stack):
    """The whole wallet; an attacker with the key forges its history before the audit."""

    def prove(self, receipts: Sequence[str]) -> Proof:
        """Forge the history, and run the audit."""
        with self.postgres.connect() as connection:
            wallets.forge_history(connection, self.settings.sealing_key)
        return super().prove(receipts)


def main() -> int:
    """Exit status 0 if the checker reports the promise that the wallet violates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wallet", choices=[*BROKEN, FORGED])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    promise = BROKEN[given.wallet][0] if given.wallet in BROKEN else 1
    console = Console()
    folder = Path(tempfile.mkdtemp(prefix="mini-wallet-broken-"))
    # PostgreSQL, which does not run as root, needs to traverse it.
    folder.chmod(0o711)
    try:
        stack = _stack(given.wallet, folder)
        with report.Progress(console, given.seconds) as progress:
            session = Session(stack, Plan(seed=given.seed, seconds=given.seconds), progress.tell)
            progress.follow(session.record)
            result = asyncio.run(session.run())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report.show(console, session.record, result)
    return 0 if promise in {violation.promise for violation in result.violations} else 1


def _stack(wallet: str, folder: Path) -> Stack:
    if wallet == FORGED:
        return ForgedStack(folder, Choices())
    return BrokenStack(folder, Choices(), BROKEN[wallet][1])


if __name__ == "__main__":
    sys.exit(main())
