"""The signed-in user's own account, and which parts of it an API token may read."""

from datetime import datetime
from typing import Annotated

import strawberry

from domain import errors, ids, paging
from domain.ledger import kinds, money
from domain.people import accounts
from domain.people.sessions import Principal, Scope
from schema import people
from schema.arguments import AFTER, FIRST, Description, given, resolved
from schema.context import Context
from schema.money import Money, shown_minor
from schema.nodes import Node
from schema.sessions import ApiToken, Session
from schema.transactions import Transaction, TransactionConnection, TransactionFilter

Info = strawberry.Info[Context, None]

_PROFILE = "An API token needs the scope `READ_PROFILE`."
_TRANSACTIONS = "An API token needs the scope `READ_TRANSACTIONS`."
_PEOPLE = "Not available to API tokens."


@strawberry.type(description="The signed-in user's own account.")
class Viewer(Node):
    # Further fields are bound in `resolvers.fields`.
    person: strawberry.Private[accounts.Person]
    principal: strawberry.Private[Principal]
    currency: strawberry.Private[money.Currency]
    #: The result of a mutation that moves money shows the balance to any caller that may move it.
    shows_balance: strawberry.Private[bool] = False

    @resolved(f"The account as other users see it. {_PROFILE}")
    def user(self) -> people.User:
        self.require(Scope.READ_PROFILE)
        return people.shown(self.person, to=self.person.user_id)

    @resolved(f"The address to sign in with. {_PROFILE}")
    def email(self) -> str:
        self.require(Scope.READ_PROFILE)
        return self.person.email

    @resolved(f"When the address was verified; null if it was not, and no money moves. {_PROFILE}")
    def email_verified_at(self) -> datetime | None:
        self.require(Scope.READ_PROFILE)
        return self.person.email_verified_at

    @resolved(
        'IANA time zone used for statements and schedules, such as "Europe/Berlin". Defaults to '
        f'"UTC". {_PROFILE}'
    )
    def time_zone(self) -> str:
        self.require(Scope.READ_PROFILE)
        return self.person.time_zone

    @resolved(
        f"The viewer's balance. {_TRANSACTIONS} In the response to its own transfer or top-up it "
        "needs no other scope."
    )
    def balance(self) -> Money:
        self._require_balance()
        return shown_minor(self.person.balance_minor, self.currency)

    @resolved(
        "The sequence of the newest transaction; 0 before the first. An API token needs the same "
        "scope as for `balance`."
    )
    def sequence(self) -> int:
        self._require_balance()
        return self.person.sequence

    @resolved(
        "The balance at that time, which must not be in the future; zero before the first "
        f"transaction. {_TRANSACTIONS}",
        cost=5,
    )
    async def balance_at(
        self,
        info: Info,
        time: Annotated[datetime, Description("The time.")],
    ) -> Money:
        self.require(Scope.READ_TRANSACTIONS)
        return await info.context.reads.balance_at(self.person.user_id, time)

    @resolved(f"Newest first. {_TRANSACTIONS}", cost=5)
    async def transactions(  # noqa: PLR0917
        self,
        info: Info,
        first: FIRST = strawberry.UNSET,
        after: AFTER = strawberry.UNSET,
        last: Annotated[
            int | None,
            Description("The number of items from the end, 0 to 100; not together with `first`."),
        ] = strawberry.UNSET,
        before: Annotated[
            str | None, Description("A cursor: only items before it.")
        ] = strawberry.UNSET,
        filter: Annotated[  # noqa: A002
            TransactionFilter | None, Description("Only transactions that match this filter.")
        ] = strawberry.UNSET,
    ) -> TransactionConnection:
        self.require(Scope.READ_TRANSACTIONS)
        page = paging.page_request(given(first), given(after), given(last), given(before))
        return await info.context.reads.transactions(self.person.user_id, page, given(filter))

    @resolved(
        "The transaction that this key of the viewer posted; null if it has posted none (yet). For "
        "clients that do not know the outcome of their request. "
        f"{_TRANSACTIONS}",
        cost=5,
    )
    async def transaction_by_idempotency_key(
        self,
        info: Info,
        kind: Annotated[
            kinds.Kind,
            Description(
                "The kind of transaction that the key was for; each kind has keys of its own."
            ),
        ],
        idempotency_key: Annotated[str, Description("The key that was sent.")],
    ) -> Transaction | None:
        self.require(Scope.READ_TRANSACTIONS)
        return await info.context.reads.transaction_by_key(
            self.person.user_id, kind, idempotency_key
        )

    @resolved(
        "Look up a transaction of the viewer by its reference; null if there is none. "
        f"{_TRANSACTIONS}",
        cost=5,
    )
    async def transaction_by_reference(
        self,
        info: Info,
        reference: Annotated[strawberry.ID, Description("A `Transaction.reference`.")],
    ) -> Transaction | None:
        self.require(Scope.READ_TRANSACTIONS)
        return await info.context.reads.transaction_by_reference(self.person.user_id, reference)

    @resolved(
        "The users that the viewer exchanged money with, most recent first. "
        f"{_TRANSACTIONS} Users whom the viewer has blocked are left out.",
        cost=5,
    )
    async def contacts(
        self,
        info: Info,
        first: Annotated[int | None, Description("How many at most, 0 to 100.")] = 8,
    ) -> list[people.User]:
        self.require(Scope.READ_TRANSACTIONS)
        return list(await info.context.reads.contacts(self.person.user_id, first))

    @resolved(f"The viewer's active sessions. {_PEOPLE}", cost=5, usual_length=10)
    async def sessions(self, info: Info) -> list[Session]:
        self.require_person()
        return list(await info.context.reads.sessions(self.principal))

    @resolved(
        f"The viewer's API tokens, with which programs act for them. {_PEOPLE}",
        cost=5,
        usual_length=10,
    )
    async def api_tokens(self, info: Info) -> list[ApiToken]:
        self.require_person()
        return list(await info.context.reads.api_tokens(self.principal))

    def require(self, scope: Scope) -> None:
        """Raise Forbidden for an API token without that scope."""
        if not self.principal.may(scope):
            raise errors.Forbidden(f"This API token lacks the scope {scope}.")

    def _require_balance(self) -> None:
        if not self.shows_balance:
            self.require(Scope.READ_TRANSACTIONS)

    def require_person(self) -> None:
        """Raise Forbidden for an API token."""
        if self.principal.session_id is None:
            raise errors.Forbidden("API tokens are not allowed to read that. Sign in instead.")


def shown(
    person: accounts.Person,
    principal: Principal,
    currency: money.Currency,
    *,
    shows_balance: bool = False,
) -> Viewer:
    """The user's own account, as read with that session or API token."""
    return Viewer(
        id=strawberry.ID(ids.global_id("Viewer", person.user_id)),
        person=person,
        principal=principal,
        currency=currency,
        shows_balance=shows_balance,
    )
