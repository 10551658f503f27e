"""The queries, and what `node` reads by id."""

import strawberry

from domain.people.sessions import Scope
from resolvers import (
    api_tokens,
    notifications,
    operators,
    people,
    requests,
    scheduled_transfers,
    security,
    sessions,
    splits,
    top_ups,
    transfers,
    wallets,
    webhooks,
)
from resolvers.guards import reads, scope, verified, verified_for_recipient
from resolvers.limits import LOOK_UPS, OPERATOR_READS, PREVIEWS, REQUEST_LINKS, SEARCHES
from resolvers.nodes import Nodes
from resolvers.operations import operation

SEARCH = scope(Scope.SEARCH_USERS)
SEND = scope(Scope.SEND_MONEY)


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
        "TopUp": top_ups.by_ids,
        "Passkey": security.by_ids,
        "OperatedAccount": operators.accounts_by_ids,
        "OperatorAction": operators.actions_by_ids,
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
    operator = operation(
        operators.operator, reads, OPERATOR_READS, cost=5,
        description="The back office. Null unless the viewer is an operator.",
    )  # fmt: skip
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
