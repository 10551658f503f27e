"""Prepares a release: `./wallet release VERSION` edits the files that name it and builds the archive."""

from dev.release.preparing import Refused, prepare

__all__ = ["Refused", "prepare"]
