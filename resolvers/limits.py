"""The rate limits of operations: for each kind of operation, rates and what they count by."""

from resolvers.guards import (
    account,
    account_by_address,
    account_by_recipient,
    at_most,
    client,
    client_by_address,
    link_at_client,
    named_account_at_client,
)

# Normal use never reaches these limits; RATE_LIMIT_FACTOR scales all of them.
MONEY = (("600/minute", account), ("3000/minute", client))
ADDITIONS = at_most(*MONEY)
# Each has the payment provider create a session.
TOP_UPS = at_most(("60/minute", account), ("300/minute", client))
CLOSURES = at_most(*MONEY)
# The result reveals whether an address has an account: guesses are limited by client too, because accounts
# are free.
TRANSFERS = at_most(*MONEY, ("60/minute", account_by_address), ("120/minute", client_by_address))
# For every amount that is typed.
PREVIEWS = at_most(
    ("600/minute", account_by_recipient),
    ("60/minute", account_by_address), ("120/minute", client_by_address),
)  # fmt: skip
REQUESTS = at_most(
    ("120/minute", account), ("600/minute", client),
    ("60/minute", account_by_address), ("120/minute", client_by_address),
)  # fmt: skip
# Up to 20 payers each.
SPLITS = at_most(
    ("30/minute", account), ("120/minute", client),
    ("3/minute", account_by_address), ("6/minute", client_by_address),
)  # fmt: skip
PAYMENTS = at_most(*MONEY)
REQUEST_LINKS = at_most(("300/minute", client))
# By client, since it works signed out: no list of users can be collected.
LOOK_UPS = at_most(("120/minute", client))
SEARCHES = at_most(("120/minute", account), ("600/minute", client))
# Requests of others about an address never lock its owner out: wrong passwords cause delays
# (application.guesses), and excess mails are sent later (persistence.delivery.mail_requests).
LOGINS = at_most(("60/minute", client), ("20/minute", named_account_at_client))
REGISTRATIONS = at_most(("100/hour", client), ("5/hour", named_account_at_client))
MAILS = at_most(("60/hour", client), ("10/hour", named_account_at_client))
VERIFICATIONS = at_most(("60/minute", client), ("20/minute", link_at_client))
SECRETS = at_most(("60/minute", client))
REFRESHES = at_most(("300/minute", client))
# Each reads all that is held about an account.
EXPORTS = at_most(("10/hour", account), ("60/hour", client))
PASSWORDS = at_most(("60/minute", client), ("10/minute", account))
CHANGES = at_most(("120/minute", account))
# Wrong answers are counted by challenge and by account (persistence.people.challenges).
SECOND_FACTORS = at_most(("60/minute", client))
PASSKEY_LOGINS = at_most(("120/minute", client))
FACTOR_CHANGES = at_most(("60/minute", client), ("20/minute", account))
WEBHOOK_CHANGES = at_most(("60/minute", account))
# Each may send a request to an endpoint and wait for it; most are previews of a document as it is typed.
WEBHOOK_TESTS = at_most(("60/minute", account))
# Operators, whose reads are of other users.
OPERATIONS = at_most(("120/minute", account))
OPERATOR_READS = at_most(("600/minute", account))
STREAMS = at_most(("300/minute", account), ("3000/minute", client))
