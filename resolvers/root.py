"""The operations table: one entry for each root field of the API.

An entry has the resolver, the guards in the order in which they run (authentication, scope,
verification, rate limits), the cost, and whether the operation works signed out. Every operation has a rate
limit.
"""

import strawberry
from strawberry.schema.config import StrawberryConfig

from domain.people.sessions import Scope
from resolvers import (
    accounts,
    api_tokens,
    blocks,
    events,
    fields,
    notifications,
    people,
    requests,
    scheduled_transfers,
    sessions,
    splits,
    transfers,
    wallets,
    webhooks,
)
from resolvers.guards import (
    person,
    reads,
    scope,
    scope_of_kind,
    verified,
    verified_for_recipient,
)
from resolvers.limits import (
    ADDITIONS,
    CHANGES,
    CLOSURES,
    LOGINS,
    LOOK_UPS,
    MAILS,
    PASSWORDS,
    PAYMENTS,
    PREVIEWS,
    REFRESHES,
    REGISTRATIONS,
    REQUEST_LINKS,
    REQUESTS,
    SEARCHES,
    SECRETS,
    SPLITS,
    STREAMS,
    TRANSFERS,
    VERIFICATIONS,
    WEBHOOK_CHANGES,
    WEBHOOK_TESTS,
)  # fmt: skip
from resolvers.nodes import Nodes
from resolvers.operations import field_costs, operation, subscription, table, usual_lengths
from schema.events import TransactionPosted
from schema.scalars import SCALARS

READ = scope(Scope.READ_TRANSACTIONS)
SCHEDULE = scope(Scope.SCHEDULE_TRANSFERS)
WEBHOOKS = scope(Scope.MANAGE_WEBHOOKS)
REQUEST = scope(Scope.REQUEST_MONEY)
SEARCH, ADD, SEND = scope(Scope.SEARCH_USERS), scope(Scope.ADD_BALANCE), scope(Scope.SEND_MONEY)

#: Reads objects by id, by the name of their type.
NODES = Nodes(
    {
        "User": people.by_ids,
        "Viewer": wallets.by_ids,
        "Session": sessions.by_ids,
        "ApiToken": api_tokens.by_ids,
        "Transaction": transfers.by_ids,
        "Webhook": webhooks.by_ids,
        "Notification": notifications.by_ids,
        "ScheduledTransfer": scheduled_transfers.by_ids,
        "PaymentRequest": requests.by_ids,
        "BillSplit": splits.by_ids,
    }
)


@strawberry.type(description="Reads.")
class Query:
    viewer = operation(wallets.viewer, reads, description="The signed-in user; null if signed out.")
    search_users = operation(
        people.search_users, SEARCH, verified, SEARCHES, cost=10,
        description=(
            "Finds users by a part of the name, the beginning of a handle or a complete email address, "
            "best match first. Never returns the viewer or unverified users. Also leaves out users whom the "
            "viewer has blocked, or who have blocked the viewer."
        ),
    )  # fmt: skip
    user_by_handle = operation(
        people.user_by_handle, LOOK_UPS, works_signed_out=True,
        description=(
            "Look up a user by exact handle. No authentication required. Null if there is none. `emailHint` is "
            "empty for callers that may not use `searchUsers`."
        ),
    )  # fmt: skip
    transfer_preview = operation(
        transfers.transfer_preview, SEND, reads, verified_for_recipient, PREVIEWS,
        description=(
            "Calculates what sending this amount would cost now, and shows who would get it, without "
            "sending it."
        ),
    )  # fmt: skip
    payment_request = operation(
        requests.payment_request, REQUEST_LINKS, works_signed_out=True,
        description=(
            "Look up a payment request by the token at the end of its link. No authentication required. "
            "Null if there is none."
        ),
    )  # fmt: skip
    credential = operation(sessions.credential, reads, cost=10, description="Null when signed out.")
    wallet = operation(
        wallets.wallet,
        reads,
        works_signed_out=True,
        description=("Limits, fee and currency of this service, and its Pusher Channels settings."),
    )
    node = operation(
        NODES.node, reads,
        description=(
            "The object with this id; null if it does not exist or the viewer may not see it."
        ),
    )  # fmt: skip
    nodes = operation(
        NODES.nodes, reads,
        description=(
            "The objects with these ids, each as `node` returns it, in the requested order; at most "
            "100."
        ),
    )  # fmt: skip


@strawberry.type(description="Changes. The fields of one request are executed one after the other.")
class Mutation:
    register = operation(
        accounts.register, REGISTRATIONS, works_signed_out=True,
        description=(
                "Creates a registration and sends a verification mail. The response is the same "
                "whether or not the address has an account; if it has one, its owner is told by "
                "mail."
        ),
    )  # fmt: skip
    verify_email = operation(
        accounts.verify_email, VERIFICATIONS, works_signed_out=True,
        description=(
            "Verifies the address for the registration that the link belongs to, given a session of "
            "that registration or its password; the link remains valid otherwise. Deletes the other "
            "registrations of the address and ends all earlier sessions except the one that "
            "verifies."
        ),
    )  # fmt: skip
    resend_verification_email = operation(
        accounts.resend_verification_email, MAILS, works_signed_out=True,
        description=(
            "Sends another verification mail. The response is the same whether or not the address is"
            " waiting to be verified."
        ),
    )  # fmt: skip
    login = operation(
        sessions.login, LOGINS, works_signed_out=True, description="Starts a session."
    )
    refresh_session = operation(
        sessions.refresh_session, REFRESHES, works_signed_out=True,
        description=(
            "Returns a new access token and a new refresh token. The previous refresh token remains "
            "valid for 30 seconds; any older one ends the session."
        ),
    )  # fmt: skip
    logout = operation(
        sessions.logout, person, CHANGES,
        description="Ends this session, or all sessions of the viewer.",
    )  # fmt: skip
    revoke_session = operation(
        sessions.revoke_session, person, CHANGES, description="Ends one session of the viewer."
    )
    request_password_reset = operation(
        accounts.request_password_reset, MAILS, works_signed_out=True,
        description=(
            "Sends a mail with a link to choose a new password. The response is the same whether or "
            "not the address has an account."
        ),
    )  # fmt: skip
    reset_password = operation(
        accounts.reset_password, SECRETS, works_signed_out=True,
        description="Sets a new password, ends all sessions and revokes all API tokens.",
    )  # fmt: skip
    change_password = operation(
        accounts.change_password, person, PASSWORDS,
        description=(
            "Changes the password and ends all other sessions. Revokes all API tokens if requested."
        ),
    )  # fmt: skip
    confirm_session = operation(
        sessions.confirm_session, person, PASSWORDS,
        description=(
            "Confirms the current session for one hour, as required by security-sensitive operations "
            "and the back office."
        ),
    )  # fmt: skip
    update_profile = operation(
        accounts.update_profile, person, CHANGES,
        description="Changes the viewer's profile, which other users can see.",
    )  # fmt: skip

    add_balance = operation(
        transfers.add_balance, ADD, ADDITIONS, checks_credential=True,
        description="Credits the viewer's own balance, once per idempotency key.",
    )  # fmt: skip
    send_money = operation(
        transfers.send_money, SEND, TRANSFERS, checks_credential=True,
        description=(
            "Debits the sender, credits the recipient and posts an entry to both ledgers, all or "
            "nothing, once per idempotency key."
        ),
    )  # fmt: skip

    close_idempotency_key = operation(
        transfers.close_idempotency_key, scope_of_kind, CLOSURES, checks_credential=True,
        description=(
            "Settles the outcome of an idempotency key: returns the transaction it produced, or closes the "
            "key so that it never produces one, even for a request still in transit."
        ),
    )  # fmt: skip

    request_money = operation(
        requests.request_money, REQUEST, REQUESTS, checks_credential=True,
        description="Creates a payment request, once per idempotency key.",
    )  # fmt: skip
    pay_request = operation(
        requests.pay_request, SEND, PAYMENTS, checks_credential=True,
        description=(
            "Pays a payment request as `sendMoney` would, and closes it in the same commit, once per "
            "idempotency key."
        ),
    )  # fmt: skip
    decline_request = operation(
        requests.decline_request, REQUEST, CHANGES, checks_credential=True,
        description="Declines a payment request addressed to the viewer.",
    )  # fmt: skip
    cancel_request = operation(
        requests.cancel_request, REQUEST, CHANGES, checks_credential=True,
        description="Cancels a payment request made by the viewer.",
    )  # fmt: skip

    schedule_transfer = operation(
        scheduled_transfers.schedule_transfer, SCHEDULE, SEND, TRANSFERS,
        description=(
            "Schedules a transfer, once or repeatedly, once per idempotency key. Each run is sent at 08:00 "
            "in the viewer's time zone, as by `sendMoney`, also after the session or API token that "
            "created it has ended."
        ),
    )  # fmt: skip
    pause_scheduled_transfer = operation(
        scheduled_transfers.pause_scheduled_transfer, SCHEDULE, CHANGES,
        description="Stops the runs of a scheduled transfer until it is resumed.",
    )  # fmt: skip
    resume_scheduled_transfer = operation(
        scheduled_transfers.resume_scheduled_transfer, SCHEDULE, CHANGES,
        description=(
            "Continues a scheduled transfer with the next run that becomes due. Runs that became due while "
            "it was paused are not sent; they are listed as failed."
        ),
    )  # fmt: skip
    end_scheduled_transfer = operation(
        scheduled_transfers.end_scheduled_transfer, SCHEDULE, CHANGES,
        description="Ends a scheduled transfer permanently. If it has already ended, nothing changes.",
    )  # fmt: skip

    remind_payer = operation(
        requests.remind_payer, REQUEST, CHANGES, checks_credential=True,
        description="Notifies the payer again. Limited to one reminder a day and three in total.",
    )  # fmt: skip
    split_bill = operation(
        splits.split_bill, REQUEST, SPLITS, checks_credential=True,
        description="Creates a payment request for each payer's share of a bill, either all or none.",
    )  # fmt: skip
    block_user = operation(
        blocks.block_user, person, verified, CHANGES,
        description=(
            "Blocks a user: neither side can find or request money from the other. Both can still send money, "
            "and pay requests made before."
        ),
    )  # fmt: skip
    unblock_user = operation(
        blocks.unblock_user, person, verified, CHANGES,
        description="Ends the viewer's block of a user. It does not end a block by that user.",
    )  # fmt: skip

    create_api_token = operation(
        api_tokens.create_api_token, person, CHANGES,
        description=(
            "Creates an API token for a program and tells its owner by mail. Requires a session "
            "confirmed within the last hour: otherwise `FORBIDDEN` with the `reason` "
            "`CONFIRM_SESSION`."
        ),
    )  # fmt: skip
    revoke_api_token = operation(
        api_tokens.revoke_api_token, person, CHANGES,
        description="Revokes an API token permanently.",
    )  # fmt: skip

    create_webhook = operation(
        webhooks.create_webhook, WEBHOOKS, WEBHOOK_CHANGES,
        description=(
            "Creates a webhook: an endpoint that the events of a stream are delivered to, in order and "
            "each at least once. At most 10 per user. Created with an API token, it ends with the "
            "token. A session must have been confirmed within the last hour, also for changes."
        ),
    )  # fmt: skip
    update_webhook = operation(
        webhooks.update_webhook, WEBHOOKS, WEBHOOK_CHANGES,
        description=(
            "Changes a webhook. Delivery continues where it stopped; a pending retry is made at once."
        ),
    )  # fmt: skip
    delete_webhook = operation(
        webhooks.delete_webhook, WEBHOOKS, WEBHOOK_CHANGES, description="Deletes a webhook."
    )  # fmt: skip
    rotate_webhook_secret = operation(
        webhooks.rotate_webhook_secret, WEBHOOKS, WEBHOOK_CHANGES,
        description=(
            "Creates a new signing secret. Deliveries are signed with both until the old one expires."
        ),
    )  # fmt: skip
    replay_webhook = operation(
        webhooks.replay_webhook, WEBHOOKS, WEBHOOK_CHANGES,
        description=(
            "Delivers all events after the given number again, also if the webhook was paused or "
            "disabled."
        ),
    )  # fmt: skip
    test_webhook = operation(
        webhooks.test_webhook, WEBHOOKS, WEBHOOK_TESTS,
        description=(
            "Renders the delivery of the latest event and, if `send` is true, sends it immediately, "
            "outside the ordered stream."
        ),
    )  # fmt: skip

    mark_notifications_read = operation(
        notifications.mark_notifications_read, person, CHANGES,
        description=(
            "Marks notifications as read, on all devices. Not for API tokens: a program keeps its own"
            " position, and hides nothing from the user."
        ),
    )  # fmt: skip
    set_mailed_notifications = operation(
        notifications.set_mailed_notifications, person, CHANGES,
        description="Chooses the kinds of notification that are also sent by mail.",
    )  # fmt: skip


@strawberry.type(description="Live updates.")
class Subscription:
    wallet_events = subscription(
        events.wallet_events, READ, STREAMS,
        resume_argument="afterSequence", number_attribute="sequence",
        description=(
            "Delivers each new transaction of the viewer exactly once and in sequence. With "
            "`afterSequence`, it first delivers all transactions after that sequence, so a client "
            "that resumes from the last sequence it has seen misses nothing and sees nothing twice."
        ),
    )  # fmt: skip
    notifications = subscription(
        notifications.notifications, READ, STREAMS,
        resume_argument="afterNumber", number_attribute="number",
        description=(
            "Notifications of the viewer, exactly once and in order of their numbers. With "
            "`afterNumber`, starts with all later ones."
        ),
    )  # fmt: skip


#: Every operation by its name in the API.
OPERATIONS = table(Query, Mutation, Subscription)
#: The cost of a field in addition to the objects in its result, by its name.
FIELD_COSTS = field_costs(Query, Mutation, Subscription, *fields.EXTENDED)
#: The usual length of lists without `first`, by their fields' names.
USUAL_LENGTHS = usual_lengths(Query, *fields.EXTENDED)


def strawberry_schema(*, suggestions: bool = True) -> strawberry.Schema:
    """The served schema; `suggestions` enables the "Did you mean" of validation."""
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[TransactionPosted],
        config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=not suggestions),
    )
