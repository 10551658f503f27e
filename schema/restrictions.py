"""What accounts are barred from."""

import strawberry

from domain.people import restrictions
from schema.enums import described
from schema.errors import UserError, represents

AccountRestriction = described(
    restrictions.Restriction,
    "AccountRestriction",
    "An operation the account is barred from. Signing in and reading remain possible.",
    SENDING="Sending money: `sendMoney`, `payRequest`, and scheduled transfers.",
    RECEIVING="Receiving and requesting money. Senders get `RecipientNotFound`.",
    ADDING="Adding money: `addBalance` and `startTopUp`.",
)


@represents(restrictions.AccountRestricted)
@strawberry.type(description="The account is currently barred from this operation.")
class AccountRestricted(UserError):
    restriction: restrictions.Restriction = strawberry.field(
        description="The restriction that bars it; see `Viewer.restrictions`."
    )
