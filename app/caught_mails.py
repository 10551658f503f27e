"""The type through which a development process shows caught mails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

#: Reads the caught mails, newest first, as /dev/mail.json shows them.
Mails = Callable[[], Sequence[Mapping[str, object]]]
