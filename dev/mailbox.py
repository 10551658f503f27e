"""Reads the mails that the mail catcher has stored."""

from __future__ import annotations

import contextlib
import email
import email.policy
import re
from email.message import EmailMessage
from pathlib import Path
from typing import TypedDict

MOST_SHOWN = 200
_ADDRESS = re.compile(r"https?://[^\s<>\"']+")
_LINK = re.compile(r"href\s*=\s*[\"'](https?://[^\"']+)[\"']", re.IGNORECASE)


class CaughtMail(TypedDict):
    """One mail as `/dev/mail.json` shows it; `links` are its http addresses, each once."""

    to: str
    subject: str
    text: str
    html: str
    links: list[str]


def read(folder: Path, most: int = MOST_SHOWN) -> list[CaughtMail]:
    """The mails in that folder, newest first; none if there is no such folder."""
    mails = []
    for file in sorted(folder.glob("*.eml"), reverse=True)[:most]:
        # The mail catcher may delete old files in the meantime.
        with contextlib.suppress(FileNotFoundError):
            mails.append(parse(file.read_bytes()))
    return mails


def parse(raw: bytes) -> CaughtMail:
    """The parts of a mail that a mail program shows."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    text, html = _part(message, "plain"), _part(message, "html")
    hrefs = [found.replace("&amp;", "&") for found in _LINK.findall(html)]
    links = [address.rstrip(".,;:!?)]") for address in _ADDRESS.findall(text)] + hrefs
    return {
        "to": str(message["To"] or ", ".join(map(str, message.get_all("Delivered-To", [])))),
        "subject": str(message["Subject"] or ""),
        "text": text,
        "html": html,
        "links": list(dict.fromkeys(links)),
    }


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except (LookupError, ValueError):
        return bytes(part.get_payload(decode=True) or b"").decode(errors="replace")
