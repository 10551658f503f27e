"""Bearer tokens that were found genuine, so that a busy client's is not verified at each request."""

from __future__ import annotations

from collections import OrderedDict

from domain.people.sessions import Principal

_MAXIMUM = 10_000


class TokenCache:
    """The newest-used tokens and whose they are; expiry and end are judged at each use, elsewhere."""

    def __init__(self, maximum: int = _MAXIMUM) -> None:
        self._maximum = maximum
        self._principals: OrderedDict[str, Principal] = OrderedDict()

    def get(self, token: str) -> Principal | None:
        principal = self._principals.get(token)
        if principal is not None:
            self._principals.move_to_end(token)
        return principal

    def put(self, token: str, principal: Principal) -> None:
        self._principals[token] = principal
        if len(self._principals) > self._maximum:
            self._principals.popitem(last=False)

    def drop(self, token: str) -> None:
        self._principals.pop(token, None)

    def __len__(self) -> int:
        return len(self._principals)
