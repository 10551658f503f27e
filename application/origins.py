"""The origin of a request, as use cases need it."""

from __future__ import annotations

from dataclasses import dataclass

from domain.networks import network


@dataclass(frozen=True, slots=True)
class Origin:
    """The client and the device that sent a request."""

    ip_address: str
    #: The user agent: printable and of bounded length.
    device: str | None = None
    #: Names the accounts that the device signed in to before (domain.people.devices).
    device_token: str | None = None

    @property
    def network(self) -> str:
        return network(self.ip_address)
