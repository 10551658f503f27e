"""Where a request comes from, as far as use cases need to know."""

from __future__ import annotations

from dataclasses import dataclass

from domain.networks import network


@dataclass(frozen=True, slots=True)
class Origin:
    """The client and the device that sent a request."""

    ip_address: str
    #: What the device calls itself: printable and of bounded length.
    device: str | None = None
    #: Names the accounts that the device signed in to before (domain.people.devices).
    device_token: str | None = None

    @property
    def network(self) -> str:
        return network(self.ip_address)
