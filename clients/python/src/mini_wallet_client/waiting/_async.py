"""For event loops: asyncio and trio."""

from anyio import Lock, sleep

__all__ = ["Lock", "sleep"]
