"""The audit: valid data passes, and a manual change of a row of any table is found."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import ids
from domain.ledger import money
from domain.ledger.kinds import Kind
from domain.ledger.send_money import SendMoney
from persistence import tables
from persistence.audit import audit, keys, kinds, people, requests
from persistence.audit import ledgers as audit_ledgers
from persistence.engine.database import Database
from persistence.ledger.ledger import Ledger
from tests import clusters, row_changes
from tests.books import Books
from tests.persistence.lived_in import lived_in

pytestmark = pytest.mark.anyio


#: Between the statements of a change.
_STATEMENTS = re.compile(r";\s+(?=ALTER|CREATE|UPDATE|INSERT|DELETE)")
_WITHOUT_KINDS = """
ALTER TABLE transactions DROP CONSTRAINT transactions_kind_check,
    DROP CONSTRAINT transactions_transfer_check, DROP CONSTRAINT transactions_top_up_check;
"""
#: A manual change, the table of the finding, and a part of its sentence.
DAMAGE = [
    # users
    ("UPDATE users SET balance = balance + 1 WHERE name = 'Alpha'", "users", "add up to"),
    ("UPDATE users SET balance = balance + 1 WHERE name = 'Alpha'", "totals", "were added"),
    ("UPDATE users SET balance = 9223372036854775807 WHERE name = 'Alpha'", "totals", "were added"),
    ("UPDATE users SET sequence = sequence + 1 WHERE name = 'Alpha'", "users", "newest entry is"),
    ("UPDATE users SET last_posted_at = last_posted_at + interval '1 s' WHERE name = 'Beta'",
     "users", "is of"),
    ("UPDATE users SET search_text = 'x' WHERE name = 'Beta'", "users", "cannot be found"),
    ("UPDATE users SET email = 'x@example.com' WHERE name = 'Beta'", "users", "not among"),
    ("DELETE FROM users WHERE name = 'Zoë'", "mails", "does not exist"),
    ("DELETE FROM users WHERE name = 'Zoë'", "links", "does not exist"),
    ("DELETE FROM users WHERE name = 'Zoë'", "outbox", "user does not exist"),
    ("DELETE FROM users WHERE name = 'Beta'", "sessions", "does not exist"),
    ("DELETE FROM users WHERE name = 'Beta'", "delivery_cursors", "does not exist"),
    ("DELETE FROM users WHERE name = 'Alpha'", "delivery_due", "does not exist"),
    ("DELETE FROM users WHERE name = 'Alpha'", "api_tokens", "does not exist"),
    ("DELETE FROM users WHERE name = 'Alpha'", "transactions", "does not exist"),
    # second factors
    ("DELETE FROM totp_factors; DELETE FROM passkeys", "users", "but no second factor"),
    ("UPDATE users SET confirm_above = NULL", "users", "but no amount"),
    ("UPDATE users SET confirm_above = NULL", "sessions", "but its user has none"),
    ("UPDATE users SET confirm_above = NULL", "recovery_codes", "has no second factor"),
    ("UPDATE totp_factors SET last_step = last_step + 1000000000", "totp_factors", "of the future"),
    ("UPDATE passkeys SET last_used_at = created_at - interval '1 s'", "passkeys", "before it was added"),
    ("UPDATE recovery_codes SET used_at = created_at - interval '1 s'", "recovery_codes", "before it was made"),
    ("UPDATE second_factor_challenges SET expires_at = expires_at + interval '1 s'",
     "second_factor_challenges", "lifetime"),
    ("DELETE FROM users WHERE name = 'Alpha'", "second_factor_failures", "does not exist"),
    # email_addresses
    ("DELETE FROM email_addresses", "users", "not among"),
    ("UPDATE email_addresses SET address = 'x' || address", "email_addresses", "has another"),
    ("UPDATE email_addresses SET user_id = (SELECT id FROM users WHERE name = 'Zoë')",
     "users", "recorded as"),
    ("UPDATE email_addresses SET user_id = gen_random_uuid()", "email_addresses", "does not exist"),
    ("INSERT INTO email_addresses (address, user_id) SELECT email, id FROM users WHERE name = 'Zoë'",
     "email_addresses", "has not verified it"),
    # operators
    ("DELETE FROM operators", "operators", "and it is not one"),
    ("ALTER TABLE operator_records DROP CONSTRAINT operator_records_not_oneself_check; "
     "UPDATE operator_records SET operator_id = account_id WHERE number = 1",
     "operator_records", "their own account"),
    ("ALTER TABLE operator_records DISABLE TRIGGER operator_records_append_only", "pg_trigger",
     "guards the log of operators"),
    ("UPDATE users SET sending_restricted_until = NULL", "users", "was barred from SENDING"),
    ("UPDATE top_up_reversals SET status = 'WAITING', is_short = true, taken = 0, returned = 0, "
     "returned_reference = NULL", "users", "was barred from ADDING"),
    ("UPDATE users SET receiving_restricted_until = now() + interval '1 day'", "users",
     "Nobody has barred"),
    ("DELETE FROM operator_records WHERE position = 5", "operator_log", "records were removed"),
    ("DELETE FROM operator_records WHERE position = 5", "transactions", "who reversed this"),
    ("UPDATE operator_records SET posted_reference = gen_random_uuid() WHERE kind = 'REVERSE'",
     "operator_records", "does not exist"),
    ("UPDATE operator_records SET amount = amount + 1 WHERE kind = 'REVERSE'",
     "operator_records", "another transaction, account or amount"),
    # handles and skeletons
    ("UPDATE handles SET handle = 'another.one' WHERE reserved_until IS NULL", "users", "not among"),
    ("UPDATE handles SET user_id = (SELECT id FROM users WHERE name = 'Alpha')", "users", "recorded as that of"),
    ("UPDATE handles SET reserved_until = now()", "users", "given up"),
    ("UPDATE users SET handle = NULL", "handles", "does not have it"),
    ("UPDATE handles SET user_id = gen_random_uuid()", "handles", "does not exist"),
    ("UPDATE handles SET reserved_until = now() + interval '1 year'", "handles", "too long"),
    ("UPDATE users SET name = 'Another' WHERE name = 'Beta'", "name_skeletons", "not those of"),
    ("UPDATE name_skeletons SET user_id = gen_random_uuid()", "name_skeletons", "does not exist"),
    # transactions
    ("UPDATE transactions SET amount = amount + 1 WHERE sequence = 2", "transactions", "make"),
    ("UPDATE transactions SET balance_after = balance_after + 1 WHERE sequence = 2",
     "transactions", "The balance after it is"),
    # Sums that exceed a bigint.
    ("UPDATE transactions SET amount = 9223372036854775807, fee = 9223372036854775807 "
     "WHERE note IS NOT NULL AND direction = 'outgoing'", "transactions", "The balance after it is"),
    ("UPDATE transactions SET amount = 9223372036854775807, balance_after = 9223372036854775807 "
     "WHERE direction = 'incoming'", "transactions", "The balance after it is"),
    ("UPDATE transactions SET sequence = 9223372036854775807 WHERE sequence = 2", "transactions", "gap"),
    ("UPDATE transactions SET created_at = 'infinity' WHERE sequence = 2", "transactions", "future"),
    ("UPDATE users SET last_posted_at = '-infinity' WHERE name = 'Beta'", "users", "is recorded as of"),
    ("UPDATE transactions SET fee = 1 WHERE note IS NOT NULL AND direction = 'outgoing'",
     "transactions", "The balance after it is"),
    ("DELETE FROM transactions WHERE sequence = 2 AND note IS NOT NULL", "transactions", "gap"),
    ("DELETE FROM transactions WHERE idempotency_key = 'a-token''s-key'",
     "transactions", "One side of the transfer is missing"),
    ("DELETE FROM transactions WHERE idempotency_key = 'a-token''s-key'", "users", "newest entry is"),
    ("DELETE FROM transactions WHERE idempotency_key = 'a-token''s-key'", "outbox", "an entry that does not exist"),
    ("UPDATE transactions SET amount = amount - 1 WHERE sequence = 3 AND direction = 'incoming'",
     "transactions", "disagree about the amount"),
    ("UPDATE transactions SET note = 'x', note_search_text = 'x' "
     "WHERE note IS NOT NULL AND direction = 'incoming'", "transactions", "disagree about the note"),
    ("UPDATE transactions SET note = NULL, note_search_text = NULL "
     "WHERE note IS NOT NULL AND direction = 'incoming'", "transactions", "disagree about the note"),
    ("UPDATE transactions SET counterparty_id = zoe.id FROM (SELECT id FROM users WHERE name = 'Zoë' LIMIT 1) "
     "AS zoe WHERE note IS NOT NULL AND direction = 'incoming'", "transactions", "who took part"),
    ("UPDATE transactions SET created_at = created_at - interval '1 us' "
     "WHERE note IS NOT NULL AND direction = 'incoming'", "transactions", "disagree about the time"),
    ("UPDATE transactions SET created_at = created_at - interval '1 day' WHERE sequence = 3",
     "transactions", "older than the previous entry"),
    ("UPDATE transactions SET created_at = created_at + interval '1 day' WHERE sequence = 3",
     "transactions", "future"),
    ("UPDATE transactions SET reference = gen_random_uuid() "
     "WHERE note IS NOT NULL AND direction = 'incoming'", "transactions", "is missing"),
    ("UPDATE transactions SET reference = (SELECT reference FROM transactions "
     "WHERE note IS NOT NULL LIMIT 1) WHERE reverses IS NULL", "transactions", "several kinds"),
    ("UPDATE transactions SET reference = (SELECT reference FROM transactions "
     "WHERE note IS NOT NULL LIMIT 1) WHERE kind = 'transfer'", "transactions", "sides that send"),
    (f"{_WITHOUT_KINDS} UPDATE transactions SET kind = 'top_up' WHERE note IS NOT NULL",
     "transactions", "on 2 top-ups"),
    (f"{_WITHOUT_KINDS} UPDATE transactions SET kind = 'top_up' WHERE idempotency_key IS NOT NULL",
     "transactions", "No outgoing entry of the kind top_up has a counterparty and an idempotency key"),
    (f"{_WITHOUT_KINDS} UPDATE transactions SET counterparty_id = NULL WHERE note IS NOT NULL",
     "transactions", "has no counterparty"),
    (f"{_WITHOUT_KINDS} UPDATE transactions SET idempotency_key = NULL WHERE kind = 'top_up'",
     "transactions", "no idempotency key"),
    (f"{_WITHOUT_KINDS} UPDATE transactions SET kind = 'gift' WHERE kind = 'top_up'",
     "transactions", "are of this kind"),
    ("UPDATE transactions SET note_search_text = 'x' WHERE note IS NOT NULL",
     "transactions", "cannot be found"),
    ("UPDATE transactions SET api_token_id = gen_random_uuid() WHERE api_token_id IS NOT NULL",
     "transactions", "never had"),
    # sessions
    ("UPDATE sessions SET generation = 2", "sessions", "do not match"),
    ("UPDATE sessions SET created_at = now() + interval '1 day'", "sessions", "before it began"),
    ("UPDATE sessions SET ended_at = now() + interval '1 day' WHERE ended_at IS NOT NULL",
     "sessions", "future"),
    ("UPDATE sessions SET ended_at = NULL", "outbox", "that has not ended"),
    ("UPDATE users SET closed_at = now() WHERE name = 'Alpha'", "sessions", "is closed"),
    # closed accounts
    ("UPDATE users SET closed_at = NULL WHERE name = 'Closed account'", "closed_accounts", "not closed"),
    ("UPDATE closed_accounts SET erase_at = erase_at + interval '1 s'", "closed_accounts", "should be"),
    ("UPDATE closed_accounts SET user_id = gen_random_uuid()", "closed_accounts", "does not exist"),
    ("UPDATE users SET name = 'Leaver' WHERE closed_at IS NOT NULL", "users", "still has a name"),
    ("DELETE FROM closed_accounts", "users", "is not erased"),
    # exports of data
    ("UPDATE data_exports SET size = size + 1", "data_exports", "add up"),
    ("UPDATE data_exports SET user_id = gen_random_uuid()", "data_exports", "does not exist"),
    ("UPDATE data_exports SET ended_at = requested_at - interval '1 s'", "data_exports", "follow"),
    ("DELETE FROM data_export_chunks WHERE position = 0", "data_exports", "add up"),
    ("DELETE FROM data_exports", "data_export_chunks", "does not exist"),
    # api_tokens
    ("UPDATE api_tokens SET scopes = '{EVERYTHING}'", "api_tokens", "unknown scope"),
    ("UPDATE api_tokens SET revoked_at = created_at - interval '1 s'", "api_tokens", "before"),
    ("UPDATE users SET closed_at = now() WHERE name = 'Alpha'", "api_tokens", "is closed"),
    ("DELETE FROM api_tokens", "transactions", "never had"),
    # mails
    ("UPDATE mails SET sent_at = created_at - interval '1 s' WHERE state = 'sent'", "mails", "before"),
    ("UPDATE mails SET refusals = 3 WHERE state = 'pending'", "mails", "too often"),
    ("UPDATE mails SET state = 'failed' WHERE state = 'pending'", "mails", "without a reason"),
    ("UPDATE mails SET next_try_at = next_try_at + interval '2 days' WHERE state = 'pending'",
     "mails", "longest pause"),
    ("DELETE FROM mails WHERE state = 'pending'", "outbox", "a mail that does not exist"),
    # links
    ("UPDATE links SET expires_at = expires_at + interval '1 day'", "links", "lifetime"),
    ("UPDATE links SET expires_at = 'infinity'", "links", "lifetime"),
    ("UPDATE links SET ended_at = created_at - interval '1 s'", "links", "ended before"),
    # outbox
    ("DELETE FROM outbox WHERE payload @> '{\"sequence\": 3}'", "transactions", "nobody will be notified"),
    ("UPDATE outbox SET payload = '{\"sequence\": 99}' WHERE topic = 'transaction.posted'",
     "outbox", "an entry that does not exist"),
    ("UPDATE outbox SET payload = '{}' WHERE topic = 'transaction.posted'", "outbox", "an entry that does not exist"),
    ("UPDATE outbox SET payload = '[]' WHERE topic = 'credentials.ended'", "outbox", "that has not ended"),
    ("UPDATE outbox SET topic = 'something.else'", "outbox", "topic is unknown"),
    ("UPDATE outbox SET published_at = created_at - interval '1 s'", "outbox", "before it happened"),
    ("UPDATE outbox SET user_id = gen_random_uuid() WHERE topic = 'mail.requested'",
     "outbox", "user does not exist"),
    # closed_keys
    ("INSERT INTO closed_keys SELECT user_id, kind, idempotency_key, now() FROM transactions "
     "WHERE idempotency_key IS NOT NULL", "closed_keys", "it made entry"),
    ("ALTER TABLE closed_keys DROP CONSTRAINT closed_keys_kind_check; "
     "ALTER TABLE closed_keys DISABLE TRIGGER USER; UPDATE closed_keys SET kind = 'gift'", "closed_keys", "no keys of this kind"),
    ("UPDATE closed_keys SET closed_at = now() + interval '1 hour'", "closed_keys", "future"),
    ("ALTER TABLE closed_keys DISABLE TRIGGER closed_keys_append_only", "pg_trigger", "keeps keys closed"),
    ("CREATE OR REPLACE FUNCTION refuse_change_of_closed_keys() RETURNS trigger LANGUAGE plpgsql AS "
     "'BEGIN RETURN NEW; END'", "pg_trigger", "keeps keys closed"),
    # transaction_metadata
    ("DELETE FROM transaction_metadata", "transaction_metadata", "but it is missing"),
    ("DELETE FROM transaction_metadata WHERE position = 2", "transaction_metadata", "is not what"),
    ("UPDATE transaction_metadata SET value = 'B-18' WHERE key = 'order'",
     "transaction_metadata", "is not what"),
    ("INSERT INTO transaction_metadata SELECT user_id, sequence + 1, position, key, value, salt "
     "FROM transaction_metadata", "transaction_metadata", "has none or is missing"),
    # notifications
    ("DELETE FROM notifications WHERE number = 1", "users", "there is a gap"),
    ("DELETE FROM notifications", "users", "but the newest notification is 0"),
    ("ALTER TABLE notifications DROP CONSTRAINT notifications_pkey; "
     "INSERT INTO notifications SELECT * FROM notifications", "users", "duplicate"),
    ("UPDATE users SET notification_number = 9 WHERE name = 'Beta'", "users", "The number is 9"),
    ("ALTER TABLE users DROP CONSTRAINT users_notifications_read_check; "
     "UPDATE users SET notifications_read_through = 9", "users", "They are read up to 9"),
    ("INSERT INTO notifications SELECT gen_random_uuid(), number, kind, created_at, sequence "
     "FROM notifications", "users", "The user of these notifications does not exist"),
    ("ALTER TABLE notifications DROP CONSTRAINT notifications_kind_check; "
     "UPDATE notifications SET kind = 'gossip'", "notifications", "kind is unknown"),
    ("UPDATE notifications SET sequence = 99", "notifications", "entry 99, which does not exist"),
    ("UPDATE notifications SET sequence = 1 FROM users WHERE id = user_id AND name = 'Alpha'",
     "notifications", "no money was received"),
    ("UPDATE notifications SET created_at = now() + interval '1 hour'", "notifications", "future"),
    ("UPDATE notifications SET sequence = sequence - 1 WHERE sequence = 3", "transactions",
     "was not notified"),
    ("WITH first AS (SELECT * FROM notifications WHERE sequence IS NOT NULL ORDER BY created_at LIMIT 1), "
     "taken AS (UPDATE users SET notification_number = notification_number + 1 FROM first "
     "WHERE id = first.user_id RETURNING notification_number) "
     "INSERT INTO notifications (user_id, number, kind, created_at, sequence) "
     "SELECT user_id, notification_number, kind, created_at, sequence FROM first, taken",
     "transactions", "notified of this entry 2 times"),
    ("DELETE FROM outbox WHERE payload ? 'notification_number' OR topic = 'notification.created'",
     "notifications", "nobody will be told"),
    ("UPDATE outbox SET payload = payload || '{\"notification_number\": 99}' "
     "WHERE topic = 'transaction.posted'", "outbox", "a notification that does not exist"),
    # bill_splits
    ("UPDATE bill_splits SET total = total + 1", "bill_splits", "do not make the total of 1001"),
    ("DELETE FROM bill_splits", "bill_splits", "split of this request does not exist"),
    # blocks
    ("DELETE FROM blocks WHERE role = 'blocked'", "blocks", "missing under the other user"),
    ("UPDATE blocks SET created_at = created_at - interval '1 s' WHERE role = 'blocker'", "blocks",
     "different times"),
    ("UPDATE blocks SET created_at = 'infinity'", "blocks", "created in the future"),
    ("DELETE FROM users WHERE name = 'Beta'", "blocks", "user of this block does not exist"),
    # payment_requests
    ("DELETE FROM users WHERE name = 'Beta'", "payment_requests", "user of this request does not exist"),
    ("DELETE FROM payment_requests WHERE role = 'payer'", "payment_requests", "missing under the other"),
    ("DELETE FROM payment_requests WHERE role = 'requester'", "payment_requests", "under 0 requesters"),
    ("UPDATE payment_requests SET amount = 7 WHERE role = 'payer'", "payment_requests", "disagree"),
    ("UPDATE payment_requests SET amount = 7", "payment_requests", "not one that pays it"),
    ("UPDATE payment_requests SET note = 'x' WHERE status = 'paid'", "payment_requests", "not one that pays"),
    ("UPDATE payment_requests SET reference = gen_random_uuid() WHERE status = 'paid'",
     "payment_requests", "transaction that paid it does not exist"),
    ("DELETE FROM transactions WHERE note = 'paid'", "payment_requests", "that paid it does not exist"),
    ("ALTER TABLE payment_requests DROP CONSTRAINT payment_requests_user_id_reference_key; "
     "UPDATE payment_requests AS r SET reference = p.reference FROM payment_requests AS p "
     "WHERE p.user_id = r.user_id AND r.status = 'paid' AND p.status = 'paid' AND p.is_open",
     "payment_requests", "This transaction paid 2 requests"),
    # A request that was paid, and is to be paid again.
    ("UPDATE payment_requests SET status = 'pending', reference = NULL, closed_at = NULL "
     "WHERE note = 'paid'", "payment_requests", "It is pending, and its user was told: request_paid"),
    ("UPDATE payment_requests SET status = 'cancelled', reference = NULL WHERE note = 'paid'",
     "payment_requests", "It is cancelled, and its user was told: request_paid"),
    ("UPDATE payment_requests SET status = 'declined' WHERE note = 'cancelled'",
     "payment_requests", "was told: request_cancelled"),
    ("INSERT INTO notifications SELECT user_id, number + 1000, 'request_expired', created_at, NULL, "
     "person_id, subject_id, details FROM notifications WHERE kind = 'request_declined'",
     "payment_requests", "was told: request_declined, request_expired"),
    ("ALTER TABLE payment_requests DROP CONSTRAINT payment_requests_expired_check; "
     "UPDATE payment_requests SET closed_at = now() WHERE status = 'expired'",
     "payment_requests", "does not match how it was closed"),
    ("UPDATE payment_requests SET expires_at = closed_at WHERE status = 'paid'", "payment_requests",
     "closed when it had expired"),
    ("UPDATE payment_requests SET expires_at = 'infinity', closed_at = 'infinity' WHERE status = 'expired'",
     "payment_requests", "in the future"),
    ("ALTER TABLE payment_requests DROP CONSTRAINT payment_requests_user_id_secret_key; "
     "UPDATE payment_requests SET secret = substr(sha256(''), 1, 16)", "payment_requests", "have the same link"),
    ("ALTER TABLE payment_requests DROP CONSTRAINT payment_requests_open_check, "
     "DROP CONSTRAINT payment_requests_split_check; "
     "UPDATE payment_requests SET is_open = true", "payment_requests", "who may pay it"),
    # webhooks
    ("DELETE FROM webhook_secrets", "webhooks", "0 signing secrets"),
    ("DELETE FROM delivery_cursors", "webhooks", "has no cursor"),
    ("DELETE FROM delivery_due WHERE sink = 'webhooks'", "webhooks", "no delivery to it is due"),
    ("UPDATE webhooks SET api_token_id = gen_random_uuid()", "webhooks", "never had"),
    ("DELETE FROM webhooks", "webhook_secrets", "does not exist"),
    ("UPDATE webhook_attempts SET status = 500", "webhook_attempts", "does not match the status"),
    # scheduled_transfers and scheduled_runs
    ("DELETE FROM scheduled_runs WHERE number = 1", "scheduled_transfers", "the next is 4"),
    ("DELETE FROM scheduled_runs WHERE number = 1", "transactions", "no run was sent as it"),
    ("DELETE FROM scheduled_runs WHERE number = 1", "notifications", "was not sent"),
    ("DELETE FROM scheduled_runs WHERE number = 3", "scheduled_transfers", "the next is 4"),
    ("UPDATE scheduled_transfers SET status = 'ENDED', attempt_at = NULL; "
     "UPDATE scheduled_runs SET status = 'WAITING' WHERE number = 3", "scheduled_transfers", "is waiting"),
    ("DELETE FROM scheduled_transfers", "scheduled_runs", "does not exist"),
    ("UPDATE scheduled_transfers SET amount = amount + 1", "scheduled_runs", "not what was scheduled"),
    ("UPDATE scheduled_transfers SET recipient_id = zoe.id "
     "FROM (SELECT id FROM users WHERE name = 'Zoë' LIMIT 1) AS zoe",
     "scheduled_runs", "not what was scheduled"),
    ("UPDATE scheduled_runs SET sequence = 99 WHERE number = 1", "scheduled_runs", "does not exist"),
    ("UPDATE scheduled_runs SET status = 'SENT', refusal = NULL, sequence = 2 WHERE number = 2",
     "scheduled_runs", "has another key"),
    ("UPDATE scheduled_runs SET due_at = now() WHERE number = 1", "scheduled_runs", "not after the run"),
    ("UPDATE scheduled_runs SET due_at = now() + interval '1 day'", "scheduled_runs", "not due yet"),
    ("UPDATE transactions SET idempotency_key = 'another-key' WHERE idempotency_key ~ '^schedule:'",
     "scheduled_runs", "has another key"),
    ("UPDATE transactions SET idempotency_key = 'schedule:' || gen_random_uuid() || ':1' "
     "WHERE idempotency_key ~ '^schedule:'", "transactions", "no run was sent as it"),
    ("DELETE FROM notifications WHERE kind = 'scheduled_transfer_sent'", "notifications", "0 times"),
    # top_ups, top_up_reversals, top_up_mismatches and top_up_reconciliations
    ("UPDATE top_ups SET amount = amount + 1", "top_ups", "not what was paid"),
    ("UPDATE top_ups SET status = 'FAILED', sequence = NULL, reference = NULL, payment_id = NULL "
     "WHERE sequence IS NOT NULL", "top_ups", "but its key made entry"),
    ("ALTER TABLE top_ups DROP CONSTRAINT top_ups_user_id_payment_id_key; "
     "UPDATE top_ups SET payment_id = 'pi_2' WHERE payment_id IS NOT NULL", "top_ups", "to several"),
    ("UPDATE top_ups SET status = 'POSTED' WHERE status = 'REVERSED'", "top_ups", "match its reversals"),
    ("INSERT INTO closed_keys SELECT user_id, 'top_up', idempotency_key, now() FROM top_ups "
     "WHERE status = 'PENDING'", "top_ups", "its key is closed"),
    ("DELETE FROM top_ups", "top_up_reversals", "does not exist"),
    ("UPDATE top_up_reversals SET taken = taken - 1 WHERE taken > 0", "top_up_reversals", "its entries"),
    ("UPDATE top_up_reversals SET returned_reference = gen_random_uuid() WHERE status = 'RETURNED'",
     "top_up_reversals", "credited it again"),
    ("UPDATE top_up_reversals SET amount = amount + 1 WHERE status = 'POSTED'", "top_ups",
     "are taken"),
    ("DELETE FROM top_up_reversal_entries", "top_up_reversals", "but its entries 0"),
    ("UPDATE top_up_reversal_entries SET reversal_id = gen_random_uuid()", "top_up_reversal_entries",
     "does not exist"),
    ("UPDATE top_up_mismatches SET seen_at = now() + interval '1 day'", "top_up_mismatches", "future"),
    ("UPDATE top_up_reconciliations SET through = now() + interval '1 day'",
     "top_up_reconciliations", "future"),
    # delivery_cursors, delivery_due
    ("UPDATE delivery_cursors SET accepted_number = 99", "delivery_cursors", "the newest is"),
    ("UPDATE delivery_due SET number = 99", "delivery_due", "the newest is"),
    # stream_epoch
    ("DELETE FROM stream_epoch", "stream_epoch", "0 epochs"),
    # the guards
    ("ALTER TABLE transactions DISABLE TRIGGER transactions_append_only", "pg_trigger", "disabled"),
    ("DROP TRIGGER users_balance_follows_book ON users", "pg_trigger", "disabled"),
    ("ALTER TABLE transactions ENABLE REPLICA TRIGGER transactions_append_only",
     "pg_trigger", "disabled"),
    ("DROP TRIGGER transactions_append_only ON transactions; CREATE TRIGGER transactions_append_only "
     "BEFORE UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION refuse_change_of_books()",
     "pg_trigger", "disabled"),
    ("CREATE OR REPLACE FUNCTION refuse_change_of_books() RETURNS trigger LANGUAGE plpgsql AS "
     "'BEGIN RETURN NEW; END'", "pg_trigger", "does not do"),
    ("DROP TRIGGER transactions_append_only ON transactions; CREATE TRIGGER transactions_append_only "
     "BEFORE UPDATE ON transactions FOR EACH ROW "
     "EXECUTE FUNCTION suppress_redundant_updates_trigger()", "pg_trigger", "does not do"),
    ("ALTER TABLE transactions ENABLE ROW LEVEL SECURITY", "pg_class", "hide rows"),
    ("ALTER TABLE users RENAME TO people; CREATE VIEW users AS SELECT * FROM people",
     "pg_class", "not a table"),
    ("ALTER TABLE users DROP CONSTRAINT users_balance_not_negative_check", "pg_constraint", "missing"),
    ("ALTER TABLE transactions DROP CONSTRAINT transactions_user_id_kind_idempotency_key_key",
     "pg_constraint", "missing"),
    ("ALTER TABLE transactions DROP CONSTRAINT transactions_amount_positive_check; "
     "ALTER TABLE transactions ADD CONSTRAINT transactions_amount_positive_check CHECK (amount > 0) NOT VALID", "pg_constraint", "not validated"),
]  # fmt: skip


async def _damage_and_find(
    connection: AsyncConnection, statement: str, table: str, part: str
) -> None:
    await connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
    # Without Citus, this has no effect.
    await connection.exec_driver_sql("SET LOCAL citus.enable_unsafe_triggers = on")
    for each in _STATEMENTS.split(statement):
        assert await row_changes.change(connection, each) != 0, statement
    report = await audit.look(connection)
    found = [finding.sentence for finding in report.findings if finding.table == table]
    assert any(part in sentence for sentence in found), (statement, report.findings)
    assert all(finding.key and finding.sentence for finding in report.findings)


# An audit of a cluster takes several times as long.
@pytest.mark.timeout(900)
async def test_each_kind_of_damage_is_found(books: Books, admin_database_url: str) -> None:
    await lived_in(books)
    assert (await audit.audit(books.database)).findings == []
    admin = await Database.open(clusters.coordinator(admin_database_url))
    try:
        for damage in DAMAGE:
            async with admin.transaction() as connection:
                await _damage_and_find(connection, *damage)
    finally:
        await admin.close()
    assert {table for _, table, _ in DAMAGE} >= {*tables.metadata.tables}
    assert (await audit.audit(books.database)).findings == []


async def test_the_report_adds_up(books: Books) -> None:
    fees = money.limits(
        "USD", maximum_transfer="10000", maximum_top_up="10000", maximum_balance="1000000",
        fee_basis_points=100,
    )  # fmt: skip
    alpha, beta = books.join(), books.join()
    await books.add(alpha, "10")
    ledger = await Ledger.open(books.url, fees, connections=1)
    await ledger.move(
        SendMoney(
            authority=alpha.authority, recipient_id=beta.user_id, amount=Decimal(5), note=None,
            idempotency_key="with-a-fee", reference=ids.new_id(),
        )
    )  # fmt: skip
    await ledger.close()
    looked_at: list[str] = []
    report = await audit.audit(books.database, on_check=looked_at.append)
    assert report.is_clean
    assert (report.people, report.entries) == (2, 3)
    assert (report.balances_minor, report.fees_minor) == (995, 5)
    assert report.added_minor == {Kind.TOP_UP: 1000, Kind.TRANSFER: 0}
    assert "balances" in looked_at


def test_of_two_audits_of_a_cluster_the_rows_count_that_both_find() -> None:
    def report(*findings: tuple[str, str, str]) -> audit.AuditReport:
        return audit.AuditReport([audit.Finding(*each) for each in findings])

    first = report(
        ("totals", "all", "Balances of 1"),
        ("users", "used", "The balance is 2, but the entries add up to 1."),
        ("transactions", "committing", "One side of the transfer is missing."),
    )
    again = report(
        ("totals", "all", "Balances of 2"),
        ("users", "used", "The balance is 4, but the entries add up to 3."),
        ("transactions", "begun since", "One side of the transfer is missing."),
    )
    audit.confirm(first, again)
    assert [finding.key for finding in again.findings] == ["used"]
    assert again.totals_are_moving
    still = report(("totals", "all", "Balances of 1"))
    audit.confirm(first, still)
    assert [finding.table for finding in still.findings] == ["totals"]
    assert not still.totals_are_moving


async def test_of_much_damage_the_first_rows_are_named(books: Books) -> None:
    books.connection.execute(
        "INSERT INTO users (id, name, search_text, email, email_verified_at, password_hash) "
        "SELECT gen_random_uuid(), 'Zoe', 'zoe', i || '@example.com', now(), '-' "
        "FROM generate_series(1, 150) AS i"
    )
    report = await audit.audit(books.database)
    assert len(report.findings) == audit.MAXIMUM_FINDINGS + 1
    assert report.findings[-1].sentence == "There are more rows like these."


async def test_no_entry_of_a_long_ledger_is_compared_with_all_others(books: Books) -> None:
    await lived_in(books)
    books.connection.execute("ANALYZE")
    async with books.database.snapshot() as connection:
        await audit.look(connection)
        for check in (
            *audit_ledgers.CHECKS,
            *kinds.CHECKS,
            *keys.CHECKS,
            *people.CHECKS,
            *requests.CHECKS,
        ):
            plan = "\n".join(await connection.scalars(text(f"EXPLAIN {audit.statement(check)}")))
            assert "Nested Loop" not in plan, check.name
            assert "Merge" not in plan, check.name
