"""Clients that read balances and transactions repeatedly."""

from __future__ import annotations

import asyncio
import random
import time
from uuid import UUID

from torture import requests
from torture.caller import Crowd
from torture.client import Client, Lost
from torture.record import Read
from torture.requests import minor

_LONGEST_THOUGHT_SECONDS = 0.12
_VIEWER = "{ viewer { sequence balance { amount } } }"
_HISTORY = """
{ viewer { sequence balance { amount } transactions(first: 5) { nodes { sequence reference seal metadata { key value } } } } }
"""


class Reader:
    """A client that reads as any user, one read after the other."""

    def __init__(self, crowd: Crowd, client: Client, rng: random.Random) -> None:
        self._crowd = crowd
        self._client = client
        self._rng = rng

    async def run(self) -> None:
        """Read until it is time to stop."""
        while not self._crowd.stopping.is_set():
            user = self._rng.choice(self._crowd.users)
            query = _HISTORY if self._rng.random() < 0.3 else _VIEWER
            began = time.monotonic()
            try:
                answer = await self._client.ask(query, {}, user.token)
            except Lost:
                await asyncio.sleep(0.1)
                continue
            if answer.code is not None:
                await asyncio.sleep(0.2)
                continue
            viewer = answer.data["viewer"]
            entries = viewer["transactions"]["nodes"] if query is _HISTORY else None
            self._crowd.record.receipts.update(entry["seal"] for entry in entries or ())
            self._crowd.record.reads.append(
                Read(
                    user_id=user.user_id,
                    began=began,
                    ended=time.monotonic(),
                    balance_minor=minor(viewer["balance"]["amount"]),
                    sequence=viewer["sequence"],
                    entries=None
                    if entries is None
                    else tuple((entry["sequence"], UUID(entry["reference"])) for entry in entries),
                    metadata=None
                    if entries is None
                    else tuple(requests.pairs(entry["metadata"]) for entry in entries),
                )
            )
            await asyncio.sleep(self._rng.uniform(0, _LONGEST_THOUGHT_SECONDS))
