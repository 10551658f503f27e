"""How a process of development shows the mails that its catcher caught."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

#: Reads the caught mails, newest first, as /dev/mail.json shows them.
Mails = Callable[[], Sequence[Mapping[str, object]]]
