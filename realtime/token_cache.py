"""A cache of bearer tokens whose signature was verified, to verify it once instead of at every request."""

from __future__ import annotations

from collections import OrderedDict

from domain.people.sessions import Principal

_MAXIMUM = 10_000


class TokenCache:
    """The most recently used tokens and their principals. Callers must check that these are still active."""

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
