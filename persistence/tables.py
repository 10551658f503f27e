"""The tables, with a constraint for every invariant that a database can enforce.

Every per-user table has `user_id` first in every primary and unique key, and foreign keys reference
`user_id` alone, so that the tables can be distributed by it. Amounts are minor units.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from domain.ledger import kinds
from persistence.ledger import kind_conditions

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)

INSTANT = DateTime(timezone=True)
#: `persistence.engine.pinned.trace` sets it for a transaction.
TRACEPARENT_DEFAULT = "coalesce(current_setting('mini_wallet.traceparent', true), '')"
# The same as in `domain.people.handles`.
_HANDLE_FORM = "handle ~ '^[a-z][a-z0-9._]{2,19}$'"
# The same as `domain.ledger.transfers.EMPTY_LEDGER_SEAL`.
_EMPTY_LEDGER_SEAL = text("decode(repeat('00', 32), 'hex')")


def _user_id() -> Column[object]:
    return Column("user_id", UUID, ForeignKey("users.id"), primary_key=True)


users = Table(
    "users",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("name", Text, nullable=False),
    # domain.text.search_text(name), by which users are found. Ordered by code points, whatever the
    # database's collation, so that one index serves equality, prefixes and the order of pages.
    Column("search_text", Text(collation="C"), nullable=False),
    # Of a verified user as in email_addresses, where it is unique; any number of registrations share one.
    Column("email", Text, nullable=False),
    Column("email_verified_at", INSTANT),
    Column("password_hash", Text, nullable=False),
    Column("balance", BigInteger, nullable=False, server_default=text("0")),
    # The sequence of the user's newest entry; 0 before the first.
    Column("sequence", BigInteger, nullable=False, server_default=text("0")),
    # created_at of that entry.
    Column("last_posted_at", INSTANT),
    # The seal of that entry; 32 zero bytes before the first.
    Column("book_seal", LargeBinary, nullable=False, server_default=_EMPTY_LEDGER_SEAL),
    Column("created_at", INSTANT, nullable=False, server_default=func.now()),
    # Accounts are closed, never deleted.
    Column("closed_at", INSTANT),
    # While the address is unverified: when the newest link expires and the registration is deleted.
    Column("registration_expires_at", INSTANT),
    # The number of the user's newest notification; 0 before the first.
    Column("notification_number", BigInteger, nullable=False, server_default=text("0")),
    # Notifications up to this number are read.
    Column("notifications_read_through", BigInteger, nullable=False, server_default=text("0")),
    # The kinds that the user has chosen to be mailed; null is the default (domain.notifications).
    Column("mailed_notifications", ARRAY(Text)),
    # IANA name of the zone of the user's calendar days.
    Column("time_zone", Text, nullable=False, server_default=text("'UTC'")),
    # As in `handles`, where it is unique.
    Column("handle", Text(collation="C")),
    # What the account is barred from, and until when; null for nearly all users (domain.people.restrictions).
    Column("sending_restricted_until", INSTANT),
    Column("receiving_restricted_until", INSTANT),
    Column("adding_restricted_until", INSTANT),
    # Transfers above this amount take a second factor; null exactly while none is enabled.
    Column("confirm_above", BigInteger),
    CheckConstraint("confirm_above > 0", name="confirm_above"),
    CheckConstraint("length(time_zone) BETWEEN 1 AND 64", name="time_zone"),
    CheckConstraint(_HANDLE_FORM, name="handle_form"),
    CheckConstraint("handle IS NULL OR email_verified_at IS NOT NULL", name="handle_only_verified"),
    CheckConstraint("balance >= 0", name="balance_not_negative"),
    CheckConstraint("sequence >= 0", name="sequence_not_negative"),
    CheckConstraint("sequence > 0 OR balance = 0", name="balance_from_book"),
    CheckConstraint("(sequence = 0) = (last_posted_at IS NULL)", name="last_posted"),
    CheckConstraint("octet_length(book_seal) = 32", name="book_seal_length"),
    CheckConstraint(
        "(sequence = 0) = (book_seal = decode(repeat('00', 32), 'hex'))", name="book_seal_from_book"
    ),
    CheckConstraint("sequence = 0 OR email_verified_at IS NOT NULL", name="money_only_verified"),
    CheckConstraint(
        "(email_verified_at IS NULL) = (registration_expires_at IS NOT NULL)",
        name="registration_expires",
    ),
    CheckConstraint("char_length(name) BETWEEN 1 AND 80", name="name_length"),
    CheckConstraint("email = lower(email)", name="email_lower_case"),
    CheckConstraint(
        "notifications_read_through BETWEEN 0 AND notification_number", name="notifications_read"
    ),
    Index("users_email_idx", "email"),
    Index(
        "users_registration_expires_at_idx",
        "registration_expires_at",
        postgresql_where=text("registration_expires_at IS NOT NULL"),
    ),
    # The accounts of a day, for operators.
    Index(
        "users_email_verified_at_idx",
        "email_verified_at",
        postgresql_where=text("email_verified_at IS NOT NULL"),
    ),
    # Exact names and prefixes, and the order of pages.
    Index(
        "users_search_text_idx",
        "search_text",
        "id",
        postgresql_where=text("email_verified_at IS NOT NULL AND closed_at IS NULL"),
    ),
    Index(
        "users_search_text_trigram_idx",
        "search_text",
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
        # Users are added seldom and searched often: avoid a pending list that each search must scan.
        postgresql_with={"fastupdate": "off"},
        postgresql_where=text("email_verified_at IS NOT NULL AND closed_at IS NULL"),
    ),
    # Parts of four characters, as the function search_parts returns them.
    Index(
        "users_search_parts_idx",
        text("search_parts(search_text)"),
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
        postgresql_where=text("email_verified_at IS NOT NULL AND closed_at IS NULL"),
    ),
    # The balance and sequence change with every transaction: leave room for HOT updates.
    postgresql_with={"fillfactor": 70},
)

# Name and address of users whose accounts are closed, from which they are restored when the account is
# reopened. `users` has neither, so that others see them nowhere. Deleted when the account is erased.
closed_accounts = Table(
    "closed_accounts",
    metadata,
    _user_id(),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("erase_at", INSTANT, nullable=False),
    CheckConstraint("char_length(name) BETWEEN 1 AND 80", name="name_length"),
    CheckConstraint("email = lower(email)", name="email_lower_case"),
    Index("closed_accounts_erase_at_idx", "erase_at"),
)

# Exports of all data held about a user.
data_exports = Table(
    "data_exports",
    metadata,
    _user_id(),
    Column("id", UUID, primary_key=True),
    Column("status", String(8), nullable=False, server_default=text("'PENDING'")),
    Column("requested_at", INSTANT, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    # When a relay asks for it: it was requested, or its worker has not stored anything for long.
    Column("attempt_at", INSTANT),
    Column("ended_at", INSTANT),
    # When it is deleted.
    Column("expires_at", INSTANT),
    # Of the archive, in bytes.
    Column("size", BigInteger),
    CheckConstraint("status IN ('PENDING', 'READY', 'FAILED')", name="status"),
    CheckConstraint("attempts >= 0", name="attempts"),
    CheckConstraint("(attempt_at IS NOT NULL) = (status = 'PENDING')", name="attempt_at"),
    CheckConstraint(
        "(ended_at IS NULL) = (status = 'PENDING') AND (expires_at IS NULL) = (ended_at IS NULL)",
        name="ended",
    ),
    CheckConstraint("(size > 0) IS TRUE = (status = 'READY')", name="size"),
    Index(
        "data_exports_attempt_at_idx",
        "attempt_at",
        postgresql_where=text("attempt_at IS NOT NULL"),
    ),
    Index(
        "data_exports_expires_at_idx",
        "expires_at",
        postgresql_where=text("expires_at IS NOT NULL"),
    ),
)

# The archives of exports, in parts, where every process can read them.
data_export_chunks = Table(
    "data_export_chunks",
    metadata,
    _user_id(),
    Column("export_id", UUID, primary_key=True),
    # Only those of the attempt that was finished are read.
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
    CheckConstraint("position >= 0", name="position"),
)

# Verified addresses only: an address belongs to the user who verified it.
email_addresses = Table(
    "email_addresses",
    metadata,
    Column("address", Text, primary_key=True),
    Column("user_id", UUID, ForeignKey("users.id"), nullable=False, index=True),
    CheckConstraint("address = lower(address)", name="lower_case"),
    CheckConstraint("position('@' in address) > 1", name="has_at_sign"),
)

# Present handles, and those that are reserved for their former owners. Of one who was erased, it is not known
# any more who that was.
handles = Table(
    "handles",
    metadata,
    # Ordered by code points, so that the key serves prefixes too.
    Column("handle", Text(collation="C"), primary_key=True),
    Column("user_id", UUID, ForeignKey("users.id"), index=True),
    # Null while the user has the handle.
    Column("reserved_until", INSTANT),
    CheckConstraint(_HANDLE_FORM, name="form"),
    CheckConstraint("user_id IS NOT NULL OR reserved_until IS NOT NULL", name="owner"),
    Index(
        "handles_reserved_until_idx",
        "reserved_until",
        postgresql_where=text("reserved_until IS NOT NULL"),
    ),
)

# What verified users can be confused by: digests of skeletons (domain.people.skeletons).
name_skeletons = Table(
    "name_skeletons",
    metadata,
    _user_id(),
    Column("digest", LargeBinary, primary_key=True),
    CheckConstraint("octet_length(digest) = 16", name="digest_length"),
    Index("name_skeletons_digest_idx", "digest", "user_id"),
)

transactions = Table(
    "transactions",
    metadata,
    _user_id(),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("reference", UUID, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("direction", String(8), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("fee", BigInteger, nullable=False),
    Column("counterparty_id", UUID),
    Column("note", Text),
    # domain.text.search_text(note), to be searched.
    Column("note_search_text", Text),
    Column("balance_after", BigInteger, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    # Only on the entry of the user who requested the transaction.
    Column("idempotency_key", String(64)),
    Column("api_token_id", UUID),
    # A salted hash of the caller's metadata, whose pairs are in transaction_metadata.
    Column("metadata_digest", LargeBinary),
    # The reference of the transaction that this one reverses; only on reversals.
    Column("reverses", UUID),
    # The part of the amount that refunds the fee; null unless this side gets the fee back.
    Column("fee_refunded", BigInteger),
    # Covers the entry and the seal of the previous entry: domain.ledger.seals.
    Column("seal", LargeBinary, nullable=False),
    UniqueConstraint("user_id", "kind", "idempotency_key"),
    CheckConstraint("sequence > 0", name="sequence_positive"),
    CheckConstraint(kind_conditions.one_of(kinds.Kind), name="kind"),
    # What entries of each kind look like.
    *(CheckConstraint(kind_conditions.constraint(kind), name=kind) for kind in kinds.Kind),
    CheckConstraint("direction IN ('incoming', 'outgoing')", name="direction"),
    CheckConstraint("amount > 0", name="amount_positive"),
    CheckConstraint("fee >= 0", name="fee_not_negative"),
    CheckConstraint("direction = 'outgoing' OR fee = 0", name="fee_is_the_senders"),
    CheckConstraint("balance_after >= 0", name="balance_after_not_negative"),
    CheckConstraint("direction = 'outgoing' OR balance_after >= amount", name="incoming_adds"),
    CheckConstraint(
        "sequence > 1 OR (direction = 'incoming' AND balance_after = amount)", name="first_line"
    ),
    CheckConstraint("counterparty_id <> user_id", name="not_oneself"),
    CheckConstraint("char_length(idempotency_key) BETWEEN 8 AND 64", name="key_length"),
    CheckConstraint(
        "metadata_digest IS NULL OR idempotency_key IS NOT NULL", name="metadata_of_who_asked"
    ),
    CheckConstraint("octet_length(metadata_digest) = 32", name="metadata_digest_length"),
    CheckConstraint(
        "CASE WHEN kind = 'reversal' THEN reverses IS NOT NULL AND reverses <> reference AND fee = 0 "
        "AND (direction = 'outgoing' OR counterparty_id IS NOT NULL) ELSE reverses IS NULL END",
        name="reverses",
    ),
    CheckConstraint(
        "fee_refunded IS NULL OR (reverses IS NOT NULL AND direction = 'incoming' "
        "AND fee_refunded BETWEEN 0 AND amount - 1)",
        name="fee_refunded",
    ),
    CheckConstraint("char_length(note) BETWEEN 1 AND 140", name="note_length"),
    CheckConstraint("(note IS NULL) = (note_search_text IS NULL)", name="note_search_text"),
    CheckConstraint("octet_length(seal) = 32", name="seal_length"),
    # The totals of days, for operators: entries are stored in the order in which they are posted.
    Index(
        "transactions_days_idx",
        "created_at",
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 32, "autosummarize": "on"},
    ),
    # Contacts, the history with one counterparty, and the number of transfers to them.
    Index(
        "transactions_counterparty_idx",
        "user_id",
        "counterparty_id",
        "sequence",
        postgresql_include=["kind", "direction"],
    ),
    # balanceAt, and the date filters.
    Index("transactions_created_at_idx", "user_id", "created_at", "sequence"),
    # transactionByReference, and the two sides of a transaction to be reversed.
    Index("transactions_reference_idx", "reference", "user_id"),
    # What was reversed of a transaction so far.
    Index(
        "transactions_reverses_idx",
        "user_id",
        "reverses",
        postgresql_where=text("reverses IS NOT NULL"),
    ),
    # What an API token has spent in the last 24 hours.
    Index(
        "transactions_api_token_idx",
        "user_id",
        "api_token_id",
        "created_at",
        postgresql_where=text("api_token_id IS NOT NULL"),
    ),
)

# Key-value pairs that the caller attached to its own entry. Rows may be erased, never changed: the entry
# keeps their hash.
transaction_metadata = Table(
    "transaction_metadata",
    metadata,
    _user_id(),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
    # The same in all rows of an entry.
    Column("salt", LargeBinary, nullable=False),
    UniqueConstraint(
        "user_id", "sequence", "key", name="transaction_metadata_user_id_sequence_key_key"
    ),
    CheckConstraint("position BETWEEN 1 AND 20", name="position"),
    CheckConstraint("char_length(key) BETWEEN 1 AND 40", name="key_length"),
    CheckConstraint("char_length(value) <= 500", name="value_length"),
    CheckConstraint("octet_length(salt) = 16", name="salt_length"),
    # The filter by a pair.
    Index("transaction_metadata_entry_idx", "user_id", "key", "value", "sequence"),
)

# Idempotency keys that will never move money. Append-only, by grant and by trigger.
closed_keys = Table(
    "closed_keys",
    metadata,
    _user_id(),
    Column("kind", String(8), primary_key=True),
    Column("idempotency_key", String(64), primary_key=True),
    Column("closed_at", INSTANT, nullable=False),
    CheckConstraint(kind_conditions.one_of(kinds.REQUESTED), name="kind"),
    CheckConstraint("char_length(idempotency_key) BETWEEN 8 AND 64", name="key_length"),
)

# What happened that a user is told of, numbered without gaps under the user's lock. What a message says is
# read when it is shown.
notifications = Table(
    "notifications",
    metadata,
    _user_id(),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(32), nullable=False),
    Column("created_at", INSTANT, nullable=False),
    # The entry of the user's own ledger that it is about.
    Column("sequence", BigInteger),
    # The other user that it is about.
    Column("person_id", UUID),
    # What else it is about: of which table depends on the kind.
    Column("subject_id", UUID),
    # Facts for its message; never a secret.
    Column("details", JSONB),
    CheckConstraint("number > 0", name="number_positive"),
    CheckConstraint(
        "kind IN ('money_received', 'request_received', 'request_reminder', 'request_paid', "
        "'request_declined', 'request_cancelled', 'request_expired', 'scheduled_transfer_sent', "
        "'scheduled_transfer_failed', 'top_up_failed', 'transaction_reversed', 'webhook_disabled', "
        "'new_sign_in', 'security_changed', 'account_restricted')",
        name="kind",
    ),
    CheckConstraint("kind <> 'money_received' OR sequence IS NOT NULL", name="entry"),
)

# Bills that users divided into payment requests, which have its id under both of their users.
bill_splits = Table(
    "bill_splits",
    metadata,
    _user_id(),
    Column("id", UUID, primary_key=True),
    Column("total", BigInteger, nullable=False),
    # What the user pays without a request.
    Column("own_share", BigInteger, nullable=False),
    Column("note", Text),
    Column("created_at", INSTANT, nullable=False),
    Column("idempotency_key", String(64), nullable=False),
    UniqueConstraint("user_id", "idempotency_key"),
    CheckConstraint("total > 0", name="total_positive"),
    CheckConstraint("own_share BETWEEN 0 AND total - 1", name="own_share"),
    CheckConstraint("char_length(note) BETWEEN 1 AND 140", name="note_length"),
    CheckConstraint("char_length(idempotency_key) BETWEEN 8 AND 64", name="key_length"),
)

# A block has a row under the user who blocked and one under the user who was blocked.
blocks = Table(
    "blocks",
    metadata,
    _user_id(),
    Column("other_id", UUID, primary_key=True),
    # Whose row it is.
    Column("role", String(7), primary_key=True),
    Column("created_at", INSTANT, nullable=False),
    CheckConstraint("role IN ('blocker', 'blocked')", name="role"),
    CheckConstraint("other_id <> user_id", name="not_oneself"),
)

# What is shared by two users is kept twice: a request has a row under its requester and, if it is addressed
# or was paid, one under its payer.
payment_requests = Table(
    "payment_requests",
    metadata,
    _user_id(),
    Column("id", UUID, primary_key=True),
    # Whose row it is.
    Column("role", String(9), nullable=False),
    Column("requester_id", UUID, nullable=False),
    # Null while an open request is not paid.
    Column("payer_id", UUID),
    # Whether anyone with the link may pay it.
    Column("is_open", Boolean, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("note", Text),
    Column("status", String(9), nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("expires_at", INSTANT, nullable=False),
    Column("closed_at", INSTANT),
    # The random part of the link's token: its users can read the link again.
    Column("secret", LargeBinary, nullable=False),
    # The transaction that paid it.
    Column("reference", UUID),
    # Only on the row of the requester.
    Column("idempotency_key", String(64)),
    # How often the payer was reminded, and when last: only on the row of the requester.
    Column("reminders", Integer, nullable=False, server_default=text("0")),
    Column("reminded_at", INSTANT),
    # The bill split of the requester that it belongs to.
    Column("split_id", UUID),
    UniqueConstraint("user_id", "secret"),
    UniqueConstraint("user_id", "reference"),
    UniqueConstraint("user_id", "idempotency_key"),
    CheckConstraint("role IN ('requester', 'payer')", name="role"),
    CheckConstraint(
        "(user_id = CASE role WHEN 'requester' THEN requester_id ELSE payer_id END) IS TRUE",
        name="user",
    ),
    CheckConstraint("payer_id <> requester_id", name="not_oneself"),
    CheckConstraint("is_open OR payer_id IS NOT NULL", name="payer"),
    CheckConstraint("amount > 0", name="amount_positive"),
    CheckConstraint("char_length(note) BETWEEN 1 AND 140", name="note_length"),
    CheckConstraint(
        "status IN ('pending', 'paid', 'declined', 'cancelled', 'expired')", name="status"
    ),
    CheckConstraint("(status = 'pending') = (closed_at IS NULL)", name="closed_at"),
    CheckConstraint("(status = 'paid') = (reference IS NOT NULL)", name="reference"),
    # An open request has a payer once it is paid, and nobody to decline it.
    CheckConstraint(
        "NOT is_open OR (status = 'paid') = (payer_id IS NOT NULL) AND status <> 'declined'",
        name="open",
    ),
    CheckConstraint("status <> 'expired' OR closed_at = expires_at", name="expired"),
    CheckConstraint("expires_at > created_at", name="lifetime"),
    CheckConstraint("octet_length(secret) = 16", name="secret_length"),
    CheckConstraint("idempotency_key IS NULL OR role = 'requester'", name="key_of_requester"),
    CheckConstraint("char_length(idempotency_key) BETWEEN 8 AND 64", name="key_length"),
    CheckConstraint("reminders BETWEEN 0 AND 3", name="reminders"),
    CheckConstraint("(reminders > 0) = (reminded_at IS NOT NULL)", name="reminded_at"),
    CheckConstraint("reminders = 0 OR role = 'requester'", name="reminders_of_requester"),
    CheckConstraint("split_id IS NULL OR NOT is_open", name="split"),
    Index(
        "payment_requests_split_idx",
        "user_id",
        "split_id",
        postgresql_where=text("split_id IS NOT NULL"),
    ),
    # The list by role and status, newest first, and the limits on pending requests.
    Index("payment_requests_list_idx", "user_id", "role", "status", "id"),
    # Who has paid a request of the user.
    Index(
        "payment_requests_paid_idx",
        "user_id",
        "payer_id",
        postgresql_where=text("role = 'requester' AND status = 'paid'"),
    ),
    # Those that have expired.
    Index(
        "payment_requests_expires_at_idx",
        "expires_at",
        postgresql_where=text("role = 'requester' AND status = 'pending'"),
    ),
)

top_ups = Table(
    "top_ups",
    metadata,
    _user_id(),
    Column("id", UUID, primary_key=True),
    Column("provider", String(16), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("status", String(8), nullable=False),
    Column("idempotency_key", String(64), nullable=False),
    # Of the API token that started it.
    Column("api_token_id", UUID),
    Column("created_at", INSTANT, nullable=False),
    # The session at the provider; null until its creation was answered.
    Column("session_id", String(255)),
    Column("checkout_url", Text),
    Column("expires_at", INSTANT, nullable=False),
    # The provider's id of the payment: one payment is credited once.
    Column("payment_id", String(255)),
    # Of the entry that credited it.
    Column("sequence", BigInteger),
    Column("reference", UUID),
    # Of a payment that must not be credited.
    Column("refund", String(4)),
    # When the job looks after it.
    Column("attend_at", INSTANT),
    UniqueConstraint("user_id", "idempotency_key", name="top_ups_user_id_idempotency_key_key"),
    UniqueConstraint("user_id", "session_id", name="top_ups_user_id_session_id_key"),
    UniqueConstraint("user_id", "payment_id", name="top_ups_user_id_payment_id_key"),
    UniqueConstraint("user_id", "sequence", name="top_ups_user_id_sequence_key"),
    CheckConstraint("amount > 0", name="amount_positive"),
    CheckConstraint("status IN ('PENDING', 'POSTED', 'FAILED', 'REVERSED')", name="status"),
    CheckConstraint("char_length(idempotency_key) BETWEEN 8 AND 64", name="key_length"),
    CheckConstraint("(sequence IS NOT NULL) = (status IN ('POSTED', 'REVERSED'))", name="sequence"),
    CheckConstraint("(reference IS NULL) = (sequence IS NULL)", name="reference"),
    CheckConstraint("refund IN ('DUE', 'MADE')", name="refund"),
    CheckConstraint(
        "(payment_id IS NOT NULL) = (sequence IS NOT NULL OR refund IS NOT NULL)", name="payment"
    ),
    CheckConstraint("refund IS NULL OR status = 'FAILED'", name="refund_of_failed"),
    CheckConstraint("checkout_url IS NULL OR status = 'PENDING'", name="checkout_url"),
    CheckConstraint(
        "attend_at IS NOT NULL OR status <> 'PENDING' AND refund IS DISTINCT FROM 'DUE'",
        name="attend_at",
    ),
    Index("top_ups_attend_at_idx", "attend_at", postgresql_where=text("attend_at IS NOT NULL")),
)

# What the provider took back of a payment: a refund or a dispute.
top_up_reversals = Table(
    "top_up_reversals",
    metadata,
    _user_id(),
    Column("id", UUID, primary_key=True),
    Column("top_up_id", UUID, nullable=False),
    Column("source", String(7), nullable=False),
    Column("source_id", String(255), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("status", String(8), nullable=False),
    # The balance did not cover it.
    Column("is_short", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", INSTANT, nullable=False),
    # What entries have taken from the balance.
    Column("taken", BigInteger, nullable=False, server_default=text("0")),
    # What was credited again, and the reference of the entry that did.
    Column("returned", BigInteger, nullable=False, server_default=text("0")),
    Column("returned_reference", UUID),
    UniqueConstraint("user_id", "source_id", name="top_up_reversals_user_id_source_id_key"),
    CheckConstraint("source IN ('REFUND', 'DISPUTE')", name="source"),
    CheckConstraint("amount > 0", name="amount_positive"),
    CheckConstraint("status IN ('WAITING', 'POSTED', 'COVERED', 'RETURNED')", name="status"),
    CheckConstraint(
        "taken BETWEEN 0 AND amount AND (status = 'RETURNED' OR (status = 'POSTED') = (taken > 0))",
        name="taken",
    ),
    CheckConstraint(
        "returned BETWEEN 0 AND amount AND (returned = 0 OR status = 'RETURNED') "
        "AND (returned_reference IS NOT NULL) = (returned > 0)",
        name="returned",
    ),
    Index(
        "top_up_reversals_waiting_idx", "created_at", postgresql_where=text("status = 'WAITING'")
    ),
)

# The entries that took money for a reversal.
top_up_reversal_entries = Table(
    "top_up_reversal_entries",
    metadata,
    _user_id(),
    Column("reference", UUID, primary_key=True),
    Column("reversal_id", UUID, nullable=False),
)

# What the provider reported and no rule covers; of no user, since it may name none or a wrong one.
top_up_mismatches = Table(
    "top_up_mismatches",
    metadata,
    Column("provider", String(16), primary_key=True),
    Column("source_id", String(255), primary_key=True),
    Column("reason", String(32), primary_key=True),
    Column("user_id", UUID),
    Column("top_up_id", UUID),
    Column("amount", BigInteger),
    Column("currency", String(8)),
    Column("seen_at", INSTANT, nullable=False, server_default=func.now()),
)

# Up to when the events of a provider have been read.
top_up_reconciliations = Table(
    "top_up_reconciliations",
    metadata,
    Column("provider", String(16), primary_key=True),
    Column("due_at", INSTANT, nullable=False),
    Column("through", INSTANT),
)

sessions = Table(
    "sessions",
    metadata,
    _user_id(),
    Column("id", UUID, primary_key=True),
    Column("user_agent", Text),
    Column("ip_address", Text),
    Column("created_at", INSTANT, nullable=False),
    Column("last_used_at", INSTANT, nullable=False),
    Column("ended_at", INSTANT),
    # The newest refresh token: its generation, its hash, and (rotated_at) when it was issued.
    Column("generation", BigInteger, nullable=False),
    Column("refresh_hash", LargeBinary, nullable=False),
    # The hash of the previous refresh token, which is accepted for a short time.
    Column("previous_refresh_hash", LargeBinary),
    Column("rotated_at", INSTANT, nullable=False),
    # When the user last re-authenticated; null if only at sign-in.
    Column("confirmed_at", INSTANT),
    # Whether a second factor was given at the latest sign-in or confirmation.
    Column("confirmed_by_factor", Boolean, nullable=False, server_default=text("false")),
    CheckConstraint("generation > 0", name="generation_positive"),
    CheckConstraint("octet_length(refresh_hash) = 32", name="refresh_hash_length"),
    CheckConstraint(
        "octet_length(previous_refresh_hash) = 32", name="previous_refresh_hash_length"
    ),
    Index("sessions_ended_at_idx", "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
    Index("sessions_rotated_at_idx", "rotated_at", postgresql_where=text("ended_at IS NULL")),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    _user_id(),
    Column("id", UUID, primary_key=True),
    Column("name", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("daily_limit", BigInteger),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("expires_at", INSTANT),
    Column("last_used_at", INSTANT),
    Column("revoked_at", INSTANT),
    CheckConstraint("daily_limit > 0", name="daily_limit_positive"),
    CheckConstraint("octet_length(secret_hash) = 32", name="secret_hash_length"),
    CheckConstraint("char_length(name) BETWEEN 1 AND 80", name="name_length"),
    CheckConstraint("cardinality(scopes) > 0", name="scopes_not_empty"),
)

mails = Table(
    "mails",
    metadata,
    _user_id(),
    Column("id", UUID, primary_key=True),
    Column("purpose", String(32), nullable=False),
    # pending, sent, failed (kept, and sent again on request) or withdrawn (superseded by another).
    Column("state", String(16), nullable=False, server_default=text("'pending'")),
    Column("created_at", INSTANT, nullable=False),
    # The network that requested it: each has its own budget.
    Column("requested_from", Text),
    # Attempts that the server refused; an unreachable server does not count.
    Column("refusals", Integer, nullable=False, server_default=text("0")),
    # When the attempts began: with an unreachable server they end a day later.
    Column("trying_since", INSTANT, nullable=False),
    Column("next_try_at", INSTANT, nullable=False),
    Column("sent_at", INSTANT),
    Column("last_error", Text),
    # Facts for the mail template, such as the name of a new API token; never a secret.
    Column("details", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    CheckConstraint(
        "purpose IN ('verify_email', 'reset_password', 'password_changed', 'address_taken', "
        "'api_token_created', 'notification', 'account_closed', 'new_sign_in', 'balance_short')",
        name="purpose",
    ),
    CheckConstraint("state IN ('pending', 'sent', 'failed', 'withdrawn')", name="state"),
    CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="sent_at"),
    CheckConstraint("refusals >= 0", name="refusals_not_negative"),
    Index("mails_due_idx", "next_try_at", postgresql_where=text("state = 'pending'")),
    Index("mails_failed_idx", "created_at", postgresql_where=text("state = 'failed'")),
    Index("mails_done_idx", "created_at", postgresql_where=text("state IN ('sent', 'withdrawn')")),
)

links = Table(
    "links",
    metadata,
    _user_id(),
    Column("id", UUID, primary_key=True),
    Column("purpose", String(32), nullable=False),
    Column("token_hash", LargeBinary, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("expires_at", INSTANT, nullable=False),
    # When it was used, or superseded by a newer registration or reset.
    Column("ended_at", INSTANT),
    # The session that it ends; null for links of other purposes.
    Column("subject_id", UUID),
    CheckConstraint("purpose IN ('verify_email', 'reset_password', 'new_sign_in')", name="purpose"),
    CheckConstraint("(purpose = 'new_sign_in') = (subject_id IS NOT NULL)", name="subject"),
    CheckConstraint("octet_length(token_hash) = 32", name="token_hash_length"),
    CheckConstraint("expires_at > created_at", name="lifetime"),
    Index("links_expires_at_idx", "expires_at"),
)

outbox = Table(
    "outbox",
    metadata,
    # No foreign key: for a request about an unknown address it is the id of no user.
    Column("user_id", UUID, primary_key=True),
    Column("id", UUID, primary_key=True),
    Column("topic", String(32), nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("created_at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    # A relay has claimed the row until then; afterwards any may claim it.
    Column("claimed_until", INSTANT),
    Column("published_at", INSTANT),
    # When it was set aside because this release cannot read it.
    Column("set_aside_at", INSTANT),
    # The trace that the row belongs to; empty where it was written by a process that is not traced.
    Column("traceparent", Text, nullable=False, server_default=text(TRACEPARENT_DEFAULT)),
    Index(
        "outbox_pending_idx",
        "id",
        postgresql_where=text("published_at IS NULL AND set_aside_at IS NULL"),
    ),
    Index(
        "outbox_set_aside_idx",
        "set_aside_at",
        "id",
        postgresql_where=text("published_at IS NULL AND set_aside_at IS NOT NULL"),
    ),
    Index(
        "outbox_published_idx", "published_at", postgresql_where=text("published_at IS NOT NULL")
    ),
)

# Up to which event of a user's stream each receiver of a sink has accepted.
delivery_cursors = Table(
    "delivery_cursors",
    metadata,
    _user_id(),
    # A row of jobs.sinks.table, which says which stream it is.
    Column("sink", Text, primary_key=True),
    # The user's own id where the sink has one receiver per user.
    Column("receiver_id", UUID, primary_key=True),
    # The number of the newest event that the receiver has accepted; 0 before the first.
    Column("accepted_number", BigInteger, nullable=False, server_default=text("0")),
    CheckConstraint("accepted_number >= 0", name="accepted_number_not_negative"),
)

# The receivers that have not accepted all published events. Separate from the cursor, whose row is locked
# for the duration of a delivery.
delivery_due = Table(
    "delivery_due",
    metadata,
    _user_id(),
    Column("sink", Text, primary_key=True),
    Column("receiver_id", UUID, primary_key=True),
    # The number of the newest event that was published.
    Column("number", BigInteger, nullable=False),
    # Since when no event has been accepted.
    Column("since", INSTANT, nullable=False),
    Column("next_try_at", INSTANT, nullable=False),
    CheckConstraint("number > 0", name="number_positive"),
    Index("delivery_due_next_try_idx", "sink", "next_try_at"),
)

webhooks = Table(
    "webhooks",
    metadata,
    _user_id(),
    Column("id", UUID, primary_key=True),
    # The API token that created it, and that it ends with.
    Column("api_token_id", UUID),
    Column("url", Text, nullable=False),
    Column("stream", String(16), nullable=False),
    Column("document", Text, nullable=False),
    Column("status", String(8), nullable=False, server_default=text("'ACTIVE'")),
    Column("created_at", INSTANT, nullable=False),
    # Increases with each change of what is delivered, so that an attempt under way has no effect on it.
    Column("revision", BigInteger, nullable=False, server_default=text("1")),
    # Failed attempts at the next event, when the first of them was, and when the next attempt is due.
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("failing_since", INSTANT),
    Column("next_attempt_at", INSTANT),
    # The job that delivers has leased it until then.
    Column("lease", UUID),
    Column("leased_until", INSTANT),
    CheckConstraint("stream IN ('WALLET_EVENTS', 'NOTIFICATIONS')", name="stream"),
    CheckConstraint("status IN ('ACTIVE', 'PAUSED', 'DISABLED')", name="status"),
    CheckConstraint("char_length(url) BETWEEN 1 AND 2000", name="url_length"),
    CheckConstraint("char_length(document) BETWEEN 1 AND 10000", name="document_length"),
    CheckConstraint("failures >= 0", name="failures"),
    CheckConstraint("(failures > 0) = (failing_since IS NOT NULL)", name="failing_since"),
    CheckConstraint(
        "(next_attempt_at IS NOT NULL) = (failures > 0 AND status = 'ACTIVE')", name="next_attempt"
    ),
    CheckConstraint("(lease IS NULL) = (leased_until IS NULL)", name="lease"),
    # Webhooks whose API token has ended.
    Index(
        "webhooks_api_token_idx",
        "user_id",
        "api_token_id",
        postgresql_where=text("api_token_id IS NOT NULL"),
    ),
    # How many are failing.
    Index(
        "webhooks_failing_idx",
        "failing_since",
        postgresql_where=text("next_attempt_at IS NOT NULL"),
    ),
)

webhook_secrets = Table(
    "webhook_secrets",
    metadata,
    _user_id(),
    Column("id", UUID, primary_key=True),
    Column("webhook_id", UUID, nullable=False),
    # Which key it is encrypted with (domain.encryption).
    Column("key_id", LargeBinary, nullable=False),
    Column("encrypted", LargeBinary, nullable=False),
    # Its last characters.
    Column("hint", Text, nullable=False),
    # When a secret that was replaced stops signing; null for the newest.
    Column("expires_at", INSTANT),
    CheckConstraint("octet_length(key_id) = 8", name="key_id_length"),
    CheckConstraint("char_length(hint) = 4", name="hint_length"),
    Index("webhook_secrets_webhook_idx", "user_id", "webhook_id", "id"),
    # Those that are not encrypted with the present key.
    Index("webhook_secrets_key_idx", "key_id"),
    Index(
        "webhook_secrets_expires_at_idx",
        "expires_at",
        postgresql_where=text("expires_at IS NOT NULL"),
    ),
)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    _user_id(),
    Column("id", UUID, primary_key=True),
    Column("webhook_id", UUID, nullable=False),
    # Of the event, in the webhook's stream.
    Column("number", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("sent_at", INSTANT, nullable=False),
    Column("duration_milliseconds", Integer, nullable=False),
    # Of the response; null without one.
    Column("status", Integer),
    Column("detail", Text),
    Column("is_delivered", Boolean, nullable=False),
    Column("next_attempt_at", INSTANT),
    # Of the number; null for the first epoch.
    Column("epoch", UUID),
    CheckConstraint("number > 0", name="number_positive"),
    CheckConstraint("attempt > 0", name="attempt_positive"),
    CheckConstraint("char_length(detail) <= 500", name="detail_length"),
    CheckConstraint("NOT (is_delivered AND next_attempt_at IS NOT NULL)", name="next_attempt"),
    # The list of a webhook, newest first.
    Index("webhook_attempts_webhook_idx", "user_id", "webhook_id", "id"),
    # How many attempts there were at an event.
    Index("webhook_attempts_event_idx", "user_id", "webhook_id", "number", "attempt"),
    Index("webhook_attempts_sent_at_idx", "sent_at"),
)

scheduled_transfers = Table(
    "scheduled_transfers",
    metadata,
    _user_id(),
    Column("id", UUID, primary_key=True),
    Column("recipient_id", UUID, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("note", Text),
    # Null for a single transfer.
    Column("recurrence_unit", String(8)),
    Column("recurrence_interval", Integer),
    Column("starts_on", Date, nullable=False),
    Column("ends_on", Date),
    Column("time_zone", Text, nullable=False),
    Column("status", String(8), nullable=False, server_default=text("'ACTIVE'")),
    Column("created_at", INSTANT, nullable=False),
    Column("idempotency_key", String(64), nullable=False),
    # The API token that created it, whose daily limit it counts against. It does not end with the token.
    Column("api_token_id", UUID),
    # The number of the next run that has not begun.
    Column("next_number", BigInteger, nullable=False, server_default=text("1")),
    # When a relay asks for it: a run is due, is to be tried again, or was begun by a worker that was killed.
    Column("attempt_at", INSTANT),
    UniqueConstraint("user_id", "idempotency_key"),
    CheckConstraint("recipient_id <> user_id", name="not_oneself"),
    CheckConstraint("amount > 0", name="amount_positive"),
    CheckConstraint("char_length(note) BETWEEN 1 AND 140", name="note_length"),
    CheckConstraint("recurrence_unit IN ('DAY', 'WEEK', 'MONTH', 'YEAR')", name="recurrence_unit"),
    CheckConstraint("(recurrence_unit IS NULL) = (recurrence_interval IS NULL)", name="recurrence"),
    CheckConstraint("recurrence_interval BETWEEN 1 AND 1000", name="recurrence_interval"),
    CheckConstraint("ends_on >= starts_on", name="ends_on"),
    CheckConstraint("char_length(time_zone) BETWEEN 1 AND 64", name="time_zone_length"),
    CheckConstraint("status IN ('ACTIVE', 'PAUSED', 'ENDED')", name="status"),
    CheckConstraint("char_length(idempotency_key) BETWEEN 8 AND 64", name="key_length"),
    CheckConstraint("next_number > 0", name="next_number_positive"),
    CheckConstraint("(attempt_at IS NOT NULL) = (status = 'ACTIVE')", name="attempt_at"),
    Index(
        "scheduled_transfers_attempt_at_idx",
        "attempt_at",
        postgresql_where=text("attempt_at IS NOT NULL"),
    ),
)

# The runs of scheduled transfers, from when they are due.
scheduled_runs = Table(
    "scheduled_runs",
    metadata,
    _user_id(),
    Column("schedule_id", UUID, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("due_at", INSTANT, nullable=False),
    Column("status", String(8), nullable=False, server_default=text("'WAITING'")),
    # The entry of the user's own ledger.
    Column("sequence", BigInteger),
    # Why the latest attempt failed: domain.schedules.refusals.
    Column("refusal", JSONB),
    CheckConstraint("number > 0", name="number_positive"),
    CheckConstraint("status IN ('WAITING', 'SENT', 'FAILED')", name="status"),
    CheckConstraint("(sequence IS NOT NULL) = (status = 'SENT')", name="sequence"),
    CheckConstraint("status <> 'SENT' OR refusal IS NULL", name="refusal"),
)

operators = Table(
    "operators",
    metadata,
    _user_id(),
    Column("added_at", INSTANT, nullable=False),
)

# What operators did, proposed and decided, and who became an operator: one chain of seals over all of them
# (domain.operators.log), in one place on a cluster. Append-only, by grant and by trigger.
operator_records = Table(
    "operator_records",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("type", String(16), nullable=False),
    # Of actions and proposals.
    Column("number", BigInteger, unique=True),
    # The number of the proposal that a decision is about.
    Column("decides", BigInteger, unique=True),
    Column("action_id", UUID, unique=True),
    # Null on the command line.
    Column("operator_id", UUID),
    Column("account_id", UUID, nullable=False),
    # The other account of a transaction that is to be reversed.
    Column("other_account_id", UUID),
    Column("kind", String(16)),
    Column("created_at", INSTANT, nullable=False),
    Column("reason", Text),
    # The transaction that is to be reversed.
    Column("reference", UUID),
    Column("amount", BigInteger),
    # Null where all that was left was requested.
    Column("requested_amount", BigInteger),
    Column("includes_fee", Boolean),
    # The transaction that reversed it.
    Column("posted_reference", UUID),
    Column("restrictions", Text, nullable=False, server_default=text("''")),
    Column("until", INSTANT),
    Column("idempotency_key", String(64)),
    Column("seal", LargeBinary, nullable=False),
    UniqueConstraint("operator_id", "idempotency_key"),
    CheckConstraint("position > 0", name="position_positive"),
    CheckConstraint(
        "type IN ('action', 'proposal', 'approval', 'rejection', 'addition', 'removal')",
        name="type",
    ),
    CheckConstraint(
        "kind IN ('RESTRICT', 'LIFT', 'REVERSE', 'END_SESSIONS', 'CLOSE')", name="kind"
    ),
    CheckConstraint(
        "(type IN ('action', 'proposal')) = (number IS NOT NULL) "
        "AND (number IS NULL) = (action_id IS NULL) AND (number IS NULL) = (kind IS NULL) "
        "AND (number IS NULL) = (reason IS NULL)",
        name="of_actions",
    ),
    CheckConstraint(
        "(type IN ('approval', 'rejection')) = (decides IS NOT NULL)", name="of_decisions"
    ),
    CheckConstraint("(type IN ('addition', 'removal')) = (operator_id IS NULL)", name="operator"),
    CheckConstraint(
        "operator_id NOT IN (account_id, coalesce(other_account_id, account_id))",
        name="not_oneself",
    ),
    CheckConstraint("type <> 'proposal' OR kind = 'REVERSE'", name="proposal"),
    CheckConstraint(
        "(kind IS NOT DISTINCT FROM 'REVERSE') = (reference IS NOT NULL) "
        "AND (reference IS NULL) = (amount IS NULL) AND (reference IS NULL) = (includes_fee IS NULL) "
        "AND (reference IS NULL) = (idempotency_key IS NULL)",
        name="reversal",
    ),
    CheckConstraint(
        "(posted_reference IS NOT NULL) = "
        "(type = 'approval' OR (type = 'action' AND kind IS NOT DISTINCT FROM 'REVERSE'))",
        name="posted",
    ),
    CheckConstraint(
        "(restrictions <> '') = (kind IS NOT DISTINCT FROM 'RESTRICT')", name="restrictions"
    ),
    CheckConstraint("amount > 0", name="amount_positive"),
    CheckConstraint("char_length(reason) BETWEEN 10 AND 500", name="reason_length"),
    CheckConstraint("octet_length(seal) = 32", name="seal_length"),
    # The actions on an account.
    Index(
        "operator_records_account_idx",
        "account_id",
        "number",
        postgresql_where=text("number IS NOT NULL"),
    ),
    Index(
        "operator_records_other_account_idx",
        "other_account_id",
        "number",
        postgresql_where=text("other_account_id IS NOT NULL"),
    ),
    Index("operator_records_proposals_idx", "number", postgresql_where=text("type = 'proposal'")),
)

# The end of that log, in one row, which is locked to append to it.
operator_log = Table(
    "operator_log",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("seal", LargeBinary, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
    CheckConstraint("number BETWEEN 0 AND position", name="number"),
    CheckConstraint("octet_length(seal) = 32", name="seal_length"),
)


# Authenticator apps: at most one for each user.
totp_factors = Table(
    "totp_factors",
    metadata,
    _user_id(),
    # Differs from that of an earlier one.
    Column("id", UUID, nullable=False),
    # Which key the secret is encrypted with (domain.encryption).
    Column("key_id", LargeBinary, nullable=False),
    Column("encrypted", LargeBinary, nullable=False),
    # Codes of this and earlier periods of 30 seconds are not accepted again.
    Column("last_step", BigInteger, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("last_used_at", INSTANT),
    CheckConstraint("octet_length(key_id) = 8", name="key_id_length"),
    CheckConstraint("last_step >= 0", name="last_step"),
    Index("totp_factors_key_idx", "key_id"),
)

passkeys = Table(
    "passkeys",
    metadata,
    _user_id(),
    Column("id", UUID, primary_key=True),
    Column("credential_id", LargeBinary, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    # The authenticator's signature counter; 0 for one that does not count.
    Column("counter", BigInteger, nullable=False),
    Column("transports", ARRAY(Text), nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("last_used_at", INSTANT),
    UniqueConstraint("user_id", "credential_id"),
    CheckConstraint("octet_length(credential_id) BETWEEN 1 AND 1023", name="credential_id_length"),
    CheckConstraint("counter >= 0", name="counter"),
    CheckConstraint("char_length(name) BETWEEN 1 AND 80", name="name_length"),
)

# Hashes of codes that work once; new codes replace all rows.
recovery_codes = Table(
    "recovery_codes",
    metadata,
    _user_id(),
    Column("id", UUID, primary_key=True),
    Column("code_hash", LargeBinary, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("used_at", INSTANT),
    CheckConstraint("octet_length(code_hash) = 32", name="code_hash_length"),
)

second_factor_challenges = Table(
    "second_factor_challenges",
    metadata,
    _user_id(),
    Column("id", UUID, primary_key=True),
    Column("purpose", String(16), nullable=False),
    Column("secret_hash", LargeBinary, nullable=False),
    # What else it is bound to: domain.people.second_factors.binding.
    Column("binding", LargeBinary, nullable=False),
    # The secret of an authenticator app that is being enabled, encrypted.
    Column("key_id", LargeBinary),
    Column("encrypted", LargeBinary),
    # Wrong answers.
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("created_at", INSTANT, nullable=False),
    Column("expires_at", INSTANT, nullable=False),
    Column("used_at", INSTANT),
    CheckConstraint(
        "purpose IN ('sign_in', 'passkey_sign_in', 'confirm_session', 'reset_password', 'enable_totp', "
        "'add_passkey', 'transfer')",
        name="purpose",
    ),
    CheckConstraint("octet_length(secret_hash) = 32", name="secret_hash_length"),
    CheckConstraint("octet_length(binding) = 32", name="binding_length"),
    CheckConstraint("(key_id IS NULL) = (encrypted IS NULL)", name="encrypted"),
    CheckConstraint("attempts BETWEEN 0 AND 10", name="attempts"),
    Index("second_factor_challenges_expires_at_idx", "expires_at"),
)

# Wrong answers of the last hour, counted by account.
second_factor_failures = Table(
    "second_factor_failures",
    metadata,
    _user_id(),
    Column("id", UUID, primary_key=True),
    Column("failed_at", INSTANT, nullable=False),
    Index("second_factor_failures_failed_at_idx", "failed_at"),
)

# One row. A restore to an earlier point in time begins another epoch, in which numbers are assigned again.
stream_epoch = Table(
    "stream_epoch",
    metadata,
    Column("only_row", Boolean, primary_key=True, server_default=text("true")),
    Column("epoch", UUID, nullable=False),
    Column("is_first", Boolean, nullable=False, server_default=text("true")),
    CheckConstraint("only_row", name="only_row"),
)
