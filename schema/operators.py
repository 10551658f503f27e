"""The back office: accounts, actions and totals, as operators see them."""

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

import strawberry

from domain import ids, paging
from domain.ledger import money
from domain.operators import actions, log
from domain.operators.views import AccountView, DayTotals, FoundAccount, Summary
from domain.people import accounts
from domain.people.restrictions import Restriction
from domain.people.sessions import Principal
from schema import connections, people
from schema.connections import PageInfo
from schema.enums import described
from schema.money import Money, shown_minor
from schema.nodes import Node

#: The names of the lists in their cursors.
ACCOUNTS_LIST, ACTIONS_LIST = "accounts", "operatorActions"

OperatorActionKind = described(
    log.ActionKind,
    "OperatorActionKind",
    "What an operator did or proposed.",
    RESTRICT="Restricted the account.",
    LIFT="Lifted all restrictions of the account.",
    REVERSE="Reversed a transaction, in full or in part.",
    END_SESSIONS="Signed the account out on all devices.",
    CLOSE="Closed the account. Reserved: operators cannot do this yet.",
)
OperatorActionStatus = described(
    actions.ActionStatus,
    "OperatorActionStatus",
    "The status of an action or proposal.",
    PROPOSED="Awaiting approval by a second operator.",
    DONE="Carried out.",
    REJECTED="Rejected by a second operator; nothing happened.",
)


@strawberry.type(
    description=(
        "An operator's action or proposal. Append-only and sealed like ledger entries; the decision about a "
        "proposal is a record of its own."
    )
)
class OperatorAction(Node):
    number: int = strawberry.field(
        description="Gap-free number over the actions of all operators, starting at 1."
    )
    kind: log.ActionKind = strawberry.field(description="What was done or proposed.")
    status: actions.ActionStatus = strawberry.field(description="Whether it was carried out.")
    operator: people.User = strawberry.field(description="The operator who did or proposed it.")
    decided_by: people.User | None = strawberry.field(
        description="The second operator who approved or rejected the proposal."
    )
    decided_at: datetime | None = strawberry.field(
        description="When the proposal was decided; null if it is undecided, and for actions without approval."
    )
    account: people.User = strawberry.field(
        description="The account acted on; for a reversal, the one that returns the money."
    )
    transaction_reference: strawberry.ID | None = strawberry.field(
        description="The reference of the transaction to reverse; null for other actions."
    )
    amount: Money | None = strawberry.field(
        description="The amount to reverse, without the fee; null for other actions."
    )
    includes_fee: bool | None = strawberry.field(
        description="Whether the fee is refunded, in proportion; null for other actions."
    )
    reversal_reference: strawberry.ID | None = strawberry.field(
        description="The reference of the reversal; null until it is posted, and for other actions."
    )
    restrictions: list[Restriction] = strawberry.field(
        description="The restrictions imposed; empty for other actions."
    )
    until: datetime | None = strawberry.field(
        description="When the restrictions end; null if they stay in force until lifted."
    )
    reason: str = strawberry.field(description="The operator's reason. Visible to operators only.")
    created_at: datetime = strawberry.field(description="When it was done or proposed.")


@strawberry.type(description="An action's place in the list.")
class OperatorActionEdge:
    cursor: str = strawberry.field(description="For `after`.")
    node: OperatorAction = strawberry.field(description="The action.")


@strawberry.type(description="A page of actions, newest first.")
class OperatorActionConnection:
    edges: list[OperatorActionEdge] = strawberry.field(description="The page, with cursors.")
    nodes: list[OperatorAction] = strawberry.field(description="The page, without cursors.")
    page_info: PageInfo = strawberry.field(
        description="Whether there are further pages, and how to continue."
    )


@strawberry.type(description="An account as seen by an operator.")
class OperatedAccount(Node):
    # Lists are bound in `resolvers.fields`.
    user_id: strawberry.Private[UUID]
    user: people.User = strawberry.field(description="The account as other users see it.")
    email: str = strawberry.field(description="The complete email address.")
    email_verified_at: datetime | None = strawberry.field(
        description="When the address was verified; null if it was not."
    )
    created_at: datetime = strawberry.field(description="When the user registered.")
    closed_at: datetime | None = strawberry.field(
        description="When the account was closed; null if it is open."
    )
    balance: Money = strawberry.field(description="The balance.")
    restrictions: list[Restriction] = strawberry.field(
        description="Restrictions currently in force on the account; usually empty."
    )


@strawberry.type(description="An account's place in the list.")
class OperatedAccountEdge:
    cursor: str = strawberry.field(description="For `after`.")
    node: OperatedAccount = strawberry.field(description="The account.")


@strawberry.type(description="A page of accounts, best match first.")
class OperatedAccountConnection:
    edges: list[OperatedAccountEdge] = strawberry.field(description="The page, with cursors.")
    nodes: list[OperatedAccount] = strawberry.field(description="The page, without cursors.")
    page_info: PageInfo = strawberry.field(
        description="Whether there are further pages, and how to continue."
    )


@strawberry.type(
    description="Totals over all accounts: balances + fees = topped up − reversed top-ups."
)
class BooksSummary:
    accounts: int = strawberry.field(
        description="The number of accounts that are verified and not closed."
    )
    balances: Money = strawberry.field(description="The sum of all balances.")
    fees: Money = strawberry.field(description="All fees, less those that were refunded.")
    topped_up: Money = strawberry.field(description="The sum of all top-ups.")
    reversed_top_ups: Money = strawberry.field(description="The sum of all reversals of top-ups.")
    at: datetime = strawberry.field(description="The time of these totals.")


@strawberry.type(description="Totals of one day in UTC.")
class OperatedDay:
    day: date = strawberry.field(description="The day.")
    transfers: int = strawberry.field(description="The number of transfers posted.")
    transferred: Money = strawberry.field(description="The sum of these transfers, without fees.")
    topped_up: Money = strawberry.field(description="The sum of the top-ups posted.")
    new_accounts: int = strawberry.field(
        description="The number of accounts that verified their address."
    )


@strawberry.type(
    description=(
        "Back office. Every field requires a session confirmed by a second factor within the last hour. "
        "Otherwise it is `FORBIDDEN` with the `reason` `CONFIRM_SESSION`, or `ENABLE_SECOND_FACTOR` if the "
        "operator has no second factor."
    )
)
class Operator:
    # All fields are bound in `resolvers.fields`.
    access: strawberry.Private[actions.Access]


def action_id(of: UUID) -> strawberry.ID:
    """The API's id of an action."""
    return strawberry.ID(ids.global_id("OperatorAction", of))


def shown_account(view: AccountView, currency: money.Currency, *, to: UUID) -> OperatedAccount:
    """The account as the operator `to` sees it."""
    person = view.person
    return OperatedAccount(
        id=strawberry.ID(ids.global_id("OperatedAccount", person.user_id)),
        user_id=person.user_id,
        user=people.shown(person, to=to),
        email=person.email,
        email_verified_at=person.email_verified_at,
        created_at=view.created_at,
        closed_at=view.closed_at,
        balance=shown_minor(person.balance_minor, currency),
        restrictions=list(view.restrictions),
    )


def shown_accounts(
    found: paging.Page[FoundAccount], currency: money.Currency, *, to: UUID
) -> OperatedAccountConnection:
    """A page of accounts as the operator `to` sees them."""
    edges = [
        OperatedAccountEdge(
            cursor=connections.cursor_of(ACCOUNTS_LIST, each.position),
            node=shown_account(each.view, currency, to=to),
        )
        for each in found.items
    ]
    return OperatedAccountConnection(
        edges=edges,
        nodes=[edge.node for edge in edges],
        page_info=connections.page_info(found, [edge.cursor for edge in edges], ACCOUNTS_LIST),
    )


def shown_action(
    action: actions.Action,
    users: Mapping[UUID, accounts.Person],
    currency: money.Currency,
    principal: Principal,
) -> OperatorAction:
    """The action as an operator sees it; `users` are those that it names."""

    def user(user_id: UUID) -> people.User:
        return people.shown(users[user_id], to=principal.user_id)

    record, decision = action.record, action.decision
    posted = record.posted_reference or (None if decision is None else decision.posted_reference)
    assert record.kind is not None
    assert record.reason is not None
    return OperatorAction(
        id=action_id(action.action_id),
        number=action.number,
        kind=record.kind,
        status=action.status,
        operator=user(action.operator_id),
        decided_by=None if action.decided_by is None else user(action.decided_by),
        decided_at=None if decision is None else decision.created_at,
        account=user(record.account_id),
        transaction_reference=_reference(record.reference),
        amount=None if record.amount_minor is None else shown_minor(record.amount_minor, currency),
        includes_fee=record.includes_fee,
        reversal_reference=_reference(posted),
        restrictions=[Restriction(each) for each in record.restrictions],
        until=record.until,
        reason=record.reason,
        created_at=record.created_at,
    )


def _reference(reference: UUID | None) -> strawberry.ID | None:
    return None if reference is None else strawberry.ID(str(reference))


def shown_actions(
    found: paging.Page[actions.Action],
    users: Mapping[UUID, accounts.Person],
    currency: money.Currency,
    principal: Principal,
) -> OperatorActionConnection:
    """A page of actions as an operator sees them."""
    edges = [
        OperatorActionEdge(
            cursor=connections.cursor_of(ACTIONS_LIST, str(action.number)),
            node=shown_action(action, users, currency, principal),
        )
        for action in found.items
    ]
    return OperatorActionConnection(
        edges=edges,
        nodes=[edge.node for edge in edges],
        page_info=connections.page_info(found, [edge.cursor for edge in edges], ACTIONS_LIST),
    )


def shown_summary(summary: Summary, currency: money.Currency) -> BooksSummary:
    """The totals in the currency."""
    return BooksSummary(
        accounts=summary.accounts,
        balances=shown_minor(summary.balances_minor, currency),
        fees=shown_minor(summary.fees_minor, currency),
        topped_up=shown_minor(summary.topped_up_minor, currency),
        reversed_top_ups=shown_minor(summary.reversed_top_ups_minor, currency),
        at=summary.at,
    )


def shown_day(totals: DayTotals, currency: money.Currency) -> OperatedDay:
    """The totals of a day in the currency."""
    return OperatedDay(
        day=totals.day,
        transfers=totals.transfers,
        transferred=shown_minor(totals.transferred_minor, currency),
        topped_up=shown_minor(totals.topped_up_minor, currency),
        new_accounts=totals.new_accounts,
    )
