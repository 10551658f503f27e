"""The wallet service itself."""

import enum

import strawberry

from domain.ledger import money
from schema.enums import described
from schema.money import Money, shown_minor


@strawberry.type(description="What pusher-js needs to connect.")
class PusherSettings:
    key: str = strawberry.field(description="The app's public key.")
    cluster: str | None = strawberry.field(
        description="The name of the cluster; null if `host` is set."
    )
    host: str | None = strawberry.field(description="For `wsHost`; null if `cluster` is set.")
    port: int | None = strawberry.field(
        description="For `wsPort` and `wssPort`; null for the default port."
    )
    use_tls: bool = strawberry.field(description="For `forceTLS`.")
    auth_endpoint: str = strawberry.field(
        description=(
            "The address that authorises private channels, with the same bearer token as the API."
        )
    )
    channel: str | None = strawberry.field(
        description=(
            "The private channel of the session or API token that asks; null if signed out."
        )
    )


class Method(enum.Enum):
    """How balance is added on this service."""

    INSTANT = enum.auto()
    CHECKOUT = enum.auto()


TopUpMethod = described(
    Method,
    "TopUpMethod",
    "How balance is added on this service.",
    INSTANT="`addBalance` credits immediately, without a payment. For demonstration and testing.",
    CHECKOUT=(
        "`startTopUp` creates a checkout at the payment provider; the credit follows its confirmation. "
        "It returns `NotAvailable` if the service has no provider."
    ),
)


@strawberry.type(
    description="Limits, fee and currency of this service, and its Pusher Channels settings."
)
class WalletSettings:
    currency: str = strawberry.field(description="ISO 4217 code of the wallet's currency.")
    minimum_amount: Money = strawberry.field(
        description="The smallest amount of a transfer or top-up."
    )
    maximum_transfer: Money = strawberry.field(description="The largest amount of a transfer.")
    maximum_top_up: Money = strawberry.field(description="The largest amount of a top-up.")
    maximum_balance: Money = strawberry.field(
        description="The largest balance after a top-up; incoming transfers are not limited."
    )
    transfer_fee_basis_points: int = strawberry.field(
        description="The fee of a transfer, in hundredths of a percent of its amount."
    )
    pusher: PusherSettings | None = strawberry.field(
        description="Null if Pusher Channels is not configured."
    )
    top_up_method: Method = strawberry.field(description="How balance is added on this service.")


def shown_settings(
    limits: money.Limits, pusher: PusherSettings | None, *, instant_top_ups: bool
) -> WalletSettings:
    """The service's limits as the API returns them."""
    return WalletSettings(
        currency=limits.currency.code,
        minimum_amount=shown_minor(limits.minimum_minor, limits.currency),
        maximum_transfer=shown_minor(limits.maximum_transfer_minor, limits.currency),
        maximum_top_up=shown_minor(limits.maximum_top_up_minor, limits.currency),
        maximum_balance=shown_minor(limits.maximum_balance_minor, limits.currency),
        transfer_fee_basis_points=limits.fee_basis_points,
        pusher=pusher,
        top_up_method=Method.INSTANT if instant_top_ups else Method.CHECKOUT,
    )
