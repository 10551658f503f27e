"""The API process of `up`, the only one that shows caught mails: `serve` has no setting for that."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from app.importing import importing

with importing():
    import settings
    from app import processes
    from dev import mailbox


def main() -> int:
    """Serve until SIGTERM or SIGINT; the exit status."""
    parser = argparse.ArgumentParser(prog="dev.up.api")
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", required=True, type=int)
    parser.add_argument("--mails", required=True, type=Path)
    chosen = parser.parse_args()
    try:
        loaded = settings.load()
    except settings.SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    mails = partial(mailbox.read, chosen.mails)
    return processes.serve(loaded, chosen.host, chosen.port, mails)


if __name__ == "__main__":
    sys.exit(main())
