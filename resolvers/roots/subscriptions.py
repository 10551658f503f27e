"""The subscriptions."""

import strawberry

from domain.people.sessions import Scope
from resolvers import events, notifications
from resolvers.guards import scope
from resolvers.limits import STREAMS
from resolvers.operations import subscription

READ = scope(Scope.READ_TRANSACTIONS)


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
