"""What all parts of a wallet are made of."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping

from mini_wallet_client._async.transport import Transport
from mini_wallet_client.operation import Node, Operation, Page, Result


class Part:
    """Operations of one wallet."""

    _transport: Transport

    async def _pages(
        self, operation: Operation[Page[Node]], given: Mapping[str, object]
    ) -> AsyncGenerator[Node, None]:
        """The items of all pages of a list."""
        cursor = None
        while True:
            page = await self._transport.execute(operation, {**given, "after": cursor})
            for node in page.nodes:
                yield node
            cursor = page.page_info.end_cursor
            if not page.page_info.has_next_page:
                return

    async def _once(self, operation: Operation[Result], given: Mapping[str, object]) -> Result:
        """An operation that would have another effect if it were repeated."""
        return await self._transport.execute(operation, {"input": given}, is_repeatable=False)
