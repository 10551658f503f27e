"""Text and elements of the XML files."""

from __future__ import annotations

import re

#: Characters that XML 1.0 cannot contain, however they are written.
_IMPOSSIBLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def element(name: str, *content: str, **attributes: str) -> str:
    """The element with that content, which is XML already."""
    given = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
    return f"<{name}{given}>{''.join(content)}</{name}>"


def text(name: str, value: str, most: int) -> str:
    """The element of a text, of which at most `most` characters are shown; nothing without any."""
    shown = _IMPOSSIBLE.sub("\ufffd", value)[:most].strip()
    return element(name, escape(shown)) if shown else ""


def escape(value: str) -> str:
    """The characters with a meaning in XML replaced."""
    return (
        value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    )
