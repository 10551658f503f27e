"""Derives the blocking client from the asynchronous one: the same code without `async` and `await`."""

from __future__ import annotations

import re

_REPLACED = {
    r"async (def|with|for)": r"\1",
    r"await ": "",
    r"AsyncClient": "Client",
    r"AsyncIterator": "Iterator",
    r"AsyncGenerator": "Generator",
    r"AsyncWallet": "Wallet",
    r"__aenter__": "__enter__",
    r"__aexit__": "__exit__",
    r"__aiter__": "__iter__",
    r"aclose": "close",
    r"aclosing": "closing",
    r"aiter_sse": "iter_sse",
    r"aread": "read",
    r"aiter_bytes": "iter_bytes",
    r"_async": "_sync",
}


def blocking(source: str) -> str:
    """The module for threads, from the module for event loops; comments and docstrings included."""
    for pattern, replacement in _REPLACED.items():
        source = re.sub(
            rf"\b{pattern}\b" if not pattern.endswith(" ") else rf"\b{pattern}", replacement, source
        )
    return source
