"""The operations table: one entry for each root field of the API.

An entry has the resolver, the guards in the order in which they run (who, with which scope, whether
verified, rate limits), the cost, and whether the operation works signed out. Every operation has a rate
limit.
"""

import strawberry
from strawberry.schema.config import StrawberryConfig

from domain.people.sessions import Scope
from resolvers import (
    accounts,
    api_tokens,
    events,
    nodes,
    people,
    sessions,
    transfers,
    wallets,
)
from resolvers.guards import (
    account,
    account_by_address,
    at_most,
    client,
    client_by_address,
    link_at_client,
    named_account_at_client,
    person,
    reads,
    scope,
    verified,
)
from resolvers.operations import field_costs, operation, subscription, table, usual_lengths
from schema.events import TransactionPosted
from schema.scalars import SCALARS
from schema.viewers import Viewer

READ = scope(Scope.READ_TRANSACTIONS)
SEARCH, ADD, SEND = scope(Scope.SEARCH_USERS), scope(Scope.ADD_BALANCE), scope(Scope.SEND_MONEY)

# Ordinary use never meets these; RATE_LIMIT_FACTOR scales them all.
MONEY = (("600/minute", account), ("3000/minute", client))
ADDITIONS = at_most(*MONEY)
# The answer tells who has an account: guesses are few, however many accounts one makes for them.
TRANSFERS = at_most(*MONEY, ("60/minute", account_by_address), ("120/minute", client_by_address))
SEARCHES = at_most(("120/minute", account), ("600/minute", client))
# Nothing that strangers elsewhere do with an address refuses its owner: guesses of its password are
# delayed (application.guesses), and mails that are too many come later (persistence.mails).
LOGINS = at_most(("60/minute", client), ("20/minute", named_account_at_client))
REGISTRATIONS = at_most(("100/hour", client), ("5/hour", named_account_at_client))
MAILS = at_most(("60/hour", client), ("10/hour", named_account_at_client))
VERIFICATIONS = at_most(("60/minute", client), ("20/minute", link_at_client))
SECRETS = at_most(("60/minute", client))
REFRESHES = at_most(("300/minute", client))
PASSWORDS = at_most(("60/minute", client), ("10/minute", account))
CHANGES = at_most(("120/minute", account))
STREAMS = at_most(("300/minute", account), ("3000/minute", client))


@strawberry.type(description="What can be read.")
class Query:
    viewer = operation(wallets.viewer, reads, description="Null when signed out.")
    search_users = operation(
        people.search_users, SEARCH, verified, SEARCHES, cost=10,
        description=(
            "By a part of the name, or by an email address typed whole; the best match first; never "
            "the viewer, never the unverified."
        ),
    )  # fmt: skip
    transfer_preview = operation(
        transfers.transfer_preview, SEND, reads,
        description="What sending that amount would cost now, without sending it.",
    )  # fmt: skip
    wallet = operation(
        wallets.wallet,
        reads,
        works_signed_out=True,
        description="What this service allows, and how to listen to it.",
    )
    node = operation(
        nodes.node, reads,
        description="Null for what does not exist and for what the viewer may not see.",
    )  # fmt: skip
    nodes = operation(
        nodes.nodes, reads,
        description="Each as `node` would answer, in the order asked for; at most 100 at once.",
    )  # fmt: skip


@strawberry.type(
    description="What can be changed; the fields of one request go one after the other."
)
class Mutation:
    register = operation(
        accounts.register, REGISTRATIONS, works_signed_out=True,
        description=(
            "Answers alike whether or not the address is taken: the mail that follows tells its owner."
        ),
    )  # fmt: skip
    verify_email = operation(
        accounts.verify_email, VERIFICATIONS, works_signed_out=True,
        description=(
            "Makes the address that of the registration the link belongs to, given a session of that "
            "registration or its password; the link stays usable otherwise. Discards the other "
            "registrations of the address and ends every session begun before but the one that verifies."
        ),
    )  # fmt: skip
    resend_verification_email = operation(
        accounts.resend_verification_email, MAILS, works_signed_out=True,
        description="Answers alike whether or not the address waits to be verified.",
    )  # fmt: skip
    login = operation(
        sessions.login, LOGINS, works_signed_out=True, description="Begins a session."
    )
    refresh_session = operation(
        sessions.refresh_session, REFRESHES, works_signed_out=True,
        description=(
            "A fresh access token, and the refresh token's successor. The one before the newest is "
            "good for 30 seconds more; any older one ends the session."
        ),
    )  # fmt: skip
    logout = operation(
        sessions.logout, person, CHANGES, description="Ends this session, or every one."
    )
    revoke_session = operation(
        sessions.revoke_session, person, CHANGES, description="Ends one session of the viewer's."
    )
    request_password_reset = operation(
        accounts.request_password_reset, MAILS, works_signed_out=True,
        description="Answers alike whether or not the address is known.",
    )  # fmt: skip
    reset_password = operation(
        accounts.reset_password, SECRETS, works_signed_out=True,
        description="Signs every device out and revokes every API token.",
    )  # fmt: skip
    change_password = operation(
        accounts.change_password, person, PASSWORDS,
        description="Signs every other device out, and revokes every API token if that is asked for.",
    )  # fmt: skip
    confirm_session = operation(
        sessions.confirm_session, person, PASSWORDS,
        description=(
            "Confirms the current session for one hour, as required by security-sensitive operations "
            "and the back office."
        ),
    )  # fmt: skip
    update_profile = operation(
        accounts.update_profile, person, CHANGES, description="Changes what other people see."
    )

    add_balance = operation(
        transfers.add_balance, ADD, ADDITIONS, checks_credential=True,
        description="Credits the viewer's own balance, once per idempotency key.",
    )  # fmt: skip
    send_money = operation(
        transfers.send_money, SEND, TRANSFERS, checks_credential=True,
        description=(
            "Debits the sender, credits the recipient and records both, all or nothing, once per "
            "idempotency key."
        ),
    )  # fmt: skip

    create_api_token = operation(
        api_tokens.create_api_token, person, CHANGES,
        description=(
            "Makes a key for a program, and tells its owner by mail. Requires a session confirmed within "
            "the last hour: otherwise `FORBIDDEN` with the `reason` `CONFIRM_SESSION`."
        ),
    )  # fmt: skip
    revoke_api_token = operation(
        api_tokens.revoke_api_token, person, CHANGES, description="Ends a key for good."
    )


@strawberry.type(description="What can be listened to.")
class Subscription:
    wallet_events = subscription(
        events.wallet_events, READ, STREAMS, resume_argument="afterSequence",
        description=(
            "What happens to the viewer's wallet, as it happens: each transaction exactly once and in "
            "sequence. With `afterSequence`, first all that came after it: a client that comes back "
            "with the last number it saw misses nothing and sees nothing twice."
        ),
    )  # fmt: skip


#: Every operation by its name in the API.
OPERATIONS = table(Query, Mutation, Subscription)
#: What a field costs on top of the objects in its answer, by its name.
FIELD_COSTS = field_costs(Query, Mutation, Subscription, Viewer)
#: How long lists without `first` usually are, by their fields' names.
USUAL_LENGTHS = usual_lengths(Query, Viewer)


def strawberry_schema(*, suggestions: bool = True) -> strawberry.Schema:
    """The schema as it is served; `suggestions` are the "Did you mean" of validation."""
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[TransactionPosted],
        config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=not suggestions),
    )
