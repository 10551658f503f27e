"""Fields of types that need another query: one row each, with its resolver and the scope that it needs."""

from domain.ledger.kinds import Kind
from domain.notifications.notification_kinds import NotificationKind
from domain.people.sessions import Scope
from resolvers import (
    blocks,
    epochs,
    leaving,
    notifications,
    operators,
    requests,
    restrictions,
    reversals,
    scheduled_transfers,
    security,
    splits,
    statements,
    top_ups,
    transfers,
    webhooks,
)
from resolvers.bound_fields import bound_field, extend, link
from resolvers.viewer_fields import PERSON_ONLY, extend_viewer, viewer_field, with_scope
from schema.notifications import Notification
from schema.operators import OperatedAccount, Operator
from schema.requests import PaymentRequest
from schema.scheduled_transfers import ScheduledTransfer
from schema.splits import BillSplit
from schema.top_ups import TopUp
from schema.transactions import Transaction
from schema.viewers import Viewer
from schema.webhooks import Webhook

#: The types with such fields.
EXTENDED = (
    Viewer,
    BillSplit,
    Notification,
    OperatedAccount,
    Operator,
    PaymentRequest,
    ScheduledTransfer,
    TopUp,
    Transaction,
    Webhook,
)

OF_TRANSACTIONS = with_scope(Scope.READ_TRANSACTIONS)
OF_REQUESTS = with_scope(Scope.REQUEST_MONEY)
OF_SCHEDULES = with_scope(Scope.SCHEDULE_TRANSFERS)
OF_WEBHOOKS = with_scope(Scope.MANAGE_WEBHOOKS, also=" and sees those that it created")


@extend_viewer
class ViewerFields:
    unread_notifications = viewer_field(
        notifications.unread, OF_TRANSACTIONS,
        description="How many notifications are not marked as read.",
    )  # fmt: skip
    mailed_notifications = viewer_field(
        notifications.mailed, PERSON_ONLY,
        description="Notification kinds that are also sent by email.",
    )  # fmt: skip
    # After the others of its module, whose name it takes in this class.
    notifications = viewer_field(notifications.listed, OF_TRANSACTIONS, description="Newest first.")
    epoch = viewer_field(
        epochs.of_viewer, OF_TRANSACTIONS, cost=1,
        description=(
            "The epoch in which `sequence` and the numbers of notifications were assigned. It changes only when the "
            "service is restored to an earlier point in time: then read everything again."
        ),
    )  # fmt: skip
    restrictions = viewer_field(
        restrictions.of_viewer, with_scope(Scope.READ_PROFILE), usual_length=1,
        description="Restrictions currently in force on the account; usually empty.",
    )  # fmt: skip
    payment_requests = viewer_field(
        requests.listed, OF_REQUESTS,
        description="Payment requests made by or addressed to the viewer, newest first.",
    )  # fmt: skip
    insights = viewer_field(
        statements.insights, OF_TRANSACTIONS, cost=50,
        description=(
            "Money in and out by month and by person, and the balance over time, with the totals of "
            "`statement` for the same dates; at most five years."
        ),
    )  # fmt: skip
    statement = viewer_field(
        statements.statement, OF_TRANSACTIONS, cost=20,
        description=(
            "Account statement for a range of calendar dates in the viewer's time zone, both "
            "inclusive; at most ten years, and not after today."
        ),
    )  # fmt: skip
    scheduled_transfers = viewer_field(
        scheduled_transfers.listed,
        OF_SCHEDULES,
        description="The viewer's scheduled transfers, newest first.",
    )
    top_ups = viewer_field(
        top_ups.listed, OF_TRANSACTIONS,
        description="The viewer's top-ups through the payment provider, newest first.",
    )  # fmt: skip
    security = viewer_field(
        security.settings, PERSON_ONLY, description="The viewer's second factors, and which transfers require one."
    )  # fmt: skip
    blocked_users = viewer_field(
        blocks.listed, PERSON_ONLY, usual_length=10,
        description="The users whom the viewer has blocked, most recently blocked first; at most 1,000.",
    )  # fmt: skip
    data_exports = viewer_field(
        leaving.listed, PERSON_ONLY, usual_length=2,
        description="Exports of the viewer's data, newest first; each is deleted after seven days.",
    )  # fmt: skip
    webhooks = viewer_field(
        webhooks.listed, OF_WEBHOOKS, usual_length=10,
        description="The viewer's webhooks, oldest first.",
    )  # fmt: skip


@extend(Notification)
class NotificationFields:
    webhook = link(
        webhooks.linked, notifications.subject_of(NotificationKind.WEBHOOK_DISABLED), Scope.MANAGE_WEBHOOKS,
        description=(
            "The webhook that it is about; null if it is about none, if the webhook was deleted, and for an "
            "API token that did not create it."
        ),
    )  # fmt: skip
    scheduled_transfer = link(
        scheduled_transfers.linked, scheduled_transfers.SUBJECT, Scope.SCHEDULE_TRANSFERS,
        description="The scheduled transfer that it is about; null if it is about none.",
    )  # fmt: skip
    payment_request = link(
        requests.by_subject, requests.SUBJECT, Scope.REQUEST_MONEY,
        description="The payment request that it is about; null if it is about none.",
    )  # fmt: skip

    top_up = link(
        top_ups.linked, top_ups.SUBJECT, Scope.READ_TRANSACTIONS,
        description="The top-up that it is about; null if it is about none.",
    )  # fmt: skip


@extend(TopUp)
class TopUpFields:
    transaction = link(
        transfers.by_reference, top_ups.reference_of, Scope.READ_TRANSACTIONS,
        description="The transaction that credited it; null until it is paid.",
    )  # fmt: skip


@extend(Transaction)
class TransactionFields:
    payment_request = link(
        requests.by_reference, transfers.reference_of(Kind.TRANSFER), Scope.REQUEST_MONEY,
        description="The payment request settled by this transaction. Null if there is none.",
    )  # fmt: skip
    reverses = link(
        reversals.originals, reversals.original_of, Scope.READ_TRANSACTIONS,
        description="The transaction reversed by this one. Null unless it is a reversal.",
    )  # fmt: skip
    reversed = bound_field(
        reversals.reversed_so_far,
        description=(
            "Total amount reversed so far, without refunded fees; zero if nothing was. A reversal cannot be "
            "reversed."
        ),
    )


@extend(PaymentRequest)
class PaymentRequestFields:
    transaction = link(
        transfers.by_reference, requests.reference_of, Scope.READ_TRANSACTIONS,
        description=(
            "The transaction that paid it, as the viewer sees it. Null for anyone but requester and payer."
        ),
    )  # fmt: skip
    split = link(
        splits.linked, splits.split_of, Scope.REQUEST_MONEY,
        description="The bill split it belongs to. Null for anyone but requester and payer.",
    )  # fmt: skip


@extend(Webhook)
class WebhookFields:
    attempts = bound_field(
        webhooks.attempts, description="Delivery attempts of the last 30 days, newest first."
    )


@extend(ScheduledTransfer)
class ScheduledTransferFields:
    runs = bound_field(scheduled_transfers.runs, description="Newest first.")


@extend(Operator)
class OperatorFields:
    accounts = bound_field(
        operators.accounts, cost=10,
        description="Accounts that match, best match first, including the viewer's own.",
    )  # fmt: skip
    account = bound_field(
        operators.account, description="The account of that user; null if there is none."
    )
    transaction = bound_field(
        operators.transaction, cost=0, usual_length=2,
        description=(
            "Both sides of the transaction, the sender's first, each as its owner sees it; one side for a "
            "top-up, and none for an unknown reference."
        ),
    )  # fmt: skip
    actions = bound_field(operators.actions, description="Actions of all operators, newest first.")
    books = bound_field(
        operators.books, cost=200,
        description=(
            "Totals over all accounts. Reads every ledger entry: about a second per few million."
        ),
    )  # fmt: skip
    days = bound_field(
        operators.days, cost=50, usual_length=30,
        description="Daily totals (UTC), newest first, beginning with today.",
    )  # fmt: skip


@extend(OperatedAccount)
class OperatedAccountFields:
    transactions = bound_field(
        operators.account_transactions,
        description="The account's ledger as its owner sees it, newest first.",
    )
    sessions = bound_field(
        operators.account_sessions, usual_length=10, description="The account's active sessions."
    )
    actions = bound_field(
        operators.account_actions,
        description="Actions of operators that involve this account, newest first.",
    )
