"""What all parts of a wallet are made of.

Derived from `_async/base.py` by `python -m clients.generate`: do not edit.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping

from mini_wallet_client._sync.transport import Transport
from mini_wallet_client.operation import Node, Operation, Page, Result


class Part:
    """Operations of one wallet."""

    _transport: Transport

    def _pages(
        self, operation: Operation[Page[Node]], given: Mapping[str, object]
    ) -> Generator[Node, None]:
        """The items of all pages of a list."""
        cursor = None
        while True:
            page = self._transport.execute(operation, {**given, "after": cursor})
            for node in page.nodes:
                yield node
            cursor = page.page_info.end_cursor
            if not page.page_info.has_next_page:
                return

    def _once(self, operation: Operation[Result], given: Mapping[str, object]) -> Result:
        """An operation that would have another effect if it were repeated."""
        return self._transport.execute(operation, {"input": given}, is_repeatable=False)
