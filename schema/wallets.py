"""The wallet service itself, and what a transfer would do in it."""

from decimal import Decimal
from typing import Annotated

import strawberry

from domain.ledger import money, transfers
from schema.arguments import Description
from schema.errors import InvalidAmount
from schema.money import Money, shown_minor


@strawberry.type(description="What a transfer would do, without doing it.")
class TransferPreview:
    amount: Money = strawberry.field(description="What the recipient would get.")
    fee: Money = strawberry.field(description="What the viewer would pay on top.")
    total: Money = strawberry.field(description="The amount and the fee together.")
    shortfall: Money | None = strawberry.field(
        description=(
            "What the balance lacks; null when the transfer would go through. For an API token, also what its "
            "daily limit lacks."
        )
    )
    maximum_sendable: Money = strawberry.field(
        description="The largest amount that the viewer, or the API token, can send now."
    )


AmountToPreview = Annotated[
    Decimal, Description("What the recipient would get, in whole units of the currency.")
]
TransferPreviewResult = Annotated[
    TransferPreview | InvalidAmount,
    strawberry.union("TransferPreviewResult", description="The preview, or why there can be none."),
]


@strawberry.type(description="What pusher-js needs to connect.")
class PusherSettings:
    key: str = strawberry.field(description="The app's public key.")
    cluster: str | None = strawberry.field(
        description="The cluster's name; null where `host` says it all."
    )
    host: str | None = strawberry.field(
        description="For `wsHost`; null where the cluster says it all."
    )
    port: int | None = strawberry.field(
        description="For `wsPort` and `wssPort`; null is the default one."
    )
    use_tls: bool = strawberry.field(description="For `forceTLS`.")
    auth_endpoint: str = strawberry.field(
        description=(
            "Where a private channel is authorised, with the same bearer token as the API."
        )
    )
    channel: str | None = strawberry.field(
        description="The signed-in viewer's own channel; null when signed out."
    )


@strawberry.type(description="What this service allows, and how to listen to it.")
class WalletSettings:
    currency: str = strawberry.field(description="ISO 4217 code of the one currency there is.")
    minimum_amount: Money = strawberry.field(
        description="The least that can be sent or added at once."
    )
    maximum_transfer: Money = strawberry.field(description="The most that can be sent at once.")
    maximum_top_up: Money = strawberry.field(description="The most that can be added at once.")
    maximum_balance: Money = strawberry.field(
        description="The most that a wallet may hold by top-ups; incoming money is not bounded."
    )
    transfer_fee_basis_points: int = strawberry.field(
        description="The fee of a transfer, in hundredths of a percent of its amount."
    )
    pusher: PusherSettings | None = strawberry.field(
        description="Null where no Pusher Channels server is configured."
    )


def shown_preview(preview: transfers.Preview, currency: money.Currency) -> TransferPreview:
    """The domain's preview as the API shows it."""
    return TransferPreview(
        amount=shown_minor(preview.amount_minor, currency),
        fee=shown_minor(preview.fee_minor, currency),
        total=shown_minor(preview.total_minor, currency),
        shortfall=None
        if preview.shortfall_minor is None
        else shown_minor(preview.shortfall_minor, currency),
        maximum_sendable=shown_minor(preview.maximum_sendable_minor, currency),
    )


def shown_settings(limits: money.Limits, pusher: PusherSettings | None) -> WalletSettings:
    """The service's limits as the API shows them."""
    return WalletSettings(
        currency=limits.currency.code,
        minimum_amount=shown_minor(limits.minimum_minor, limits.currency),
        maximum_transfer=shown_minor(limits.maximum_transfer_minor, limits.currency),
        maximum_top_up=shown_minor(limits.maximum_top_up_minor, limits.currency),
        maximum_balance=shown_minor(limits.maximum_balance_minor, limits.currency),
        transfer_fee_basis_points=limits.fee_basis_points,
        pusher=pusher,
    )
