"""Account statements for a range of dates."""

from collections.abc import Callable
from datetime import date
from typing import Annotated

import strawberry

from domain.ledger import money
from domain.statements import statements
from schema import errors
from schema.arguments import Description, resolved
from schema.enums import described
from schema.money import Money, shown_minor

StatementFormat = described(
    statements.Format,
    "StatementFormat",
    "The format of a statement's file.",
    PDF="For reading and printing.",
    CSV="For spreadsheets: RFC 4180, in UTF-8 with a byte order mark, amounts as plain numbers.",
    OFX="For bookkeeping programs: OFX 2.2, in which `FITID` is the reference of the transaction.",
    CAMT_053="For accounting systems: ISO 20022 camt.053.001.08.",
)


@strawberry.type(
    description=(
        "Account statement: closing balance = opening balance + incoming − outgoing − fees. The "
        "closing balance of a statement is the opening balance of the next."
    )
)
class Statement:
    #: The address of the statement's file in a format.
    link: strawberry.Private[Callable[[statements.Format], str]]
    from_: date = strawberry.field(name="from", description="The first day.")
    to: date = strawberry.field(description="The last day. Inclusive.")
    time_zone: str = strawberry.field(
        description="The IANA time zone in which days begin and end: the viewer's."
    )
    opening_balance: Money = strawberry.field(description="The balance when the first day began.")
    closing_balance: Money = strawberry.field(
        description="The balance when the last day ended; if that is today, the balance now."
    )
    incoming: Money = strawberry.field(description="The sum of all money received and added.")
    outgoing: Money = strawberry.field(description="The sum of all money sent, without fees.")
    fees: Money = strawberry.field(description="The sum of all fees.")
    transaction_count: int = strawberry.field(description="The number of transactions.")

    @resolved(
        "Download URL under APP_URL, valid for five minutes without further authentication. It becomes "
        "invalid earlier if the session or API token that requested it ends. The file contains the transactions of this "
        "statement, even if others have followed since, and the seal of the last one.",
    )
    def download(
        self,
        format: Annotated[statements.Format, Description("The format of the file.")],  # noqa: A002
    ) -> str:
        return self.link(format)


StatementResult = Annotated[
    Statement | errors.InvalidInput,
    strawberry.union("StatementResult", description="What `statement` returns."),
]


def shown(
    of: statements.Statement,
    currency: money.Currency,
    link: Callable[[statements.Format], str],
) -> Statement:
    """The statement as the API returns it."""
    period, totals = of.period, of.totals
    return Statement(
        link=link,
        from_=period.first_day,
        to=period.last_day,
        time_zone=period.time_zone,
        opening_balance=shown_minor(totals.opening_minor, currency),
        closing_balance=shown_minor(totals.closing_minor, currency),
        incoming=shown_minor(totals.incoming_minor, currency),
        outgoing=shown_minor(totals.outgoing_minor, currency),
        fees=shown_minor(totals.fees_minor, currency),
        transaction_count=totals.count,
    )
