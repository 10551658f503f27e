"""For every column: whether the audit finds a manual change of it."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from persistence.audit import audit
from persistence.cluster.placement import PLACEMENTS
from persistence.engine.database import Database
from tests import clusters, row_changes
from tests.books import Books
from tests.persistence.lived_in import lived_in

pytestmark = pytest.mark.anyio

#: By column, to what a row of `lived_in` is changed by hand so that the audit finds it. The columns of the
#: ledgers are not here: they are sealed (`test_audit_seals`), or follow from what is.
PROVED = {
    "users.confirm_above": "NULL",
    "sessions.confirmed_by_factor": "true",
    "links.subject_id": "gen_random_uuid()",
    "totp_factors.user_id": "gen_random_uuid()",
    "totp_factors.key_id": "'another'",
    "totp_factors.last_step": "last_step + 1000000000",
    "totp_factors.created_at": "now() + interval '1 day'",
    "totp_factors.last_used_at": "created_at - interval '1 us'",
    "passkeys.user_id": "gen_random_uuid()",
    "passkeys.counter": "-1",
    "passkeys.created_at": "now() + interval '1 day'",
    "passkeys.last_used_at": "created_at - interval '1 us'",
    "recovery_codes.user_id": "gen_random_uuid()",
    "recovery_codes.created_at": "now() + interval '1 day'",
    "recovery_codes.used_at": "created_at - interval '1 us'",
    "second_factor_challenges.user_id": "gen_random_uuid()",
    "second_factor_challenges.purpose": "'another'",
    "second_factor_challenges.attempts": "11",
    "second_factor_challenges.created_at": "created_at - interval '1 us'",
    "second_factor_challenges.expires_at": "expires_at + interval '1 us'",
    "second_factor_challenges.used_at": "created_at - interval '1 us'",
    "second_factor_failures.user_id": "gen_random_uuid()",
    "second_factor_failures.failed_at": "now() + interval '1 day'",
    "users.id": "gen_random_uuid()",
    "users.search_text": "'x'",
    "users.email": "'x@example.com'",
    "users.balance": "balance + 1",
    "users.sequence": "sequence + 1",
    "users.last_posted_at": "last_posted_at + interval '1 us'",
    "users.book_seal": "sha256('')",
    "users.notification_number": "notification_number + 1",
    "email_addresses.address": "'x' || address",
    "email_addresses.user_id": "gen_random_uuid()",
    "users.handle": "'another.one'",
    "handles.handle": "'another.one'",
    "users.closed_at": "CASE WHEN name = 'Zoë' THEN now() END",
    "data_exports.user_id": "gen_random_uuid()",
    "data_exports.id": "gen_random_uuid()",
    "data_exports.requested_at": "now() + interval '1 day'",
    "data_exports.status": "'PENDING'",
    "data_exports.attempts": "attempts + 1",
    "data_exports.attempt_at": "now()",
    "data_exports.ended_at": "requested_at - interval '1 us'",
    "data_exports.expires_at": "requested_at",
    "data_exports.size": "size + 1",
    "data_export_chunks.user_id": "gen_random_uuid()",
    "data_export_chunks.export_id": "gen_random_uuid()",
    "data_export_chunks.attempt": "attempt + 1",
    "data_export_chunks.position": "-1 - position",
    "closed_accounts.user_id": "gen_random_uuid()",
    "closed_accounts.email": "'another@example.com'",
    "closed_accounts.erase_at": "erase_at + interval '1 day'",
    "handles.user_id": "gen_random_uuid()",
    "handles.reserved_until": "now() + interval '1 year'",
    "name_skeletons.user_id": "gen_random_uuid()",
    "name_skeletons.digest": "decode(repeat('00', 16), 'hex')",
    "sessions.user_id": "gen_random_uuid()",
    "sessions.created_at": "now() + interval '1 day'",
    "sessions.last_used_at": "created_at - interval '1 us'",
    "sessions.ended_at": "created_at - interval '1 us'",
    "sessions.generation": "generation + 1",
    "sessions.previous_refresh_hash": "sha256('')",
    "sessions.rotated_at": "created_at - interval '1 us'",
    "sessions.confirmed_at": "created_at - interval '1 us'",
    "api_tokens.user_id": "gen_random_uuid()",
    "api_tokens.id": "gen_random_uuid()",
    "api_tokens.scopes": "'{EVERYTHING}'",
    "api_tokens.created_at": "now() + interval '1 day'",
    "api_tokens.revoked_at": "now() + interval '1 day'",
    "mails.user_id": "gen_random_uuid()",
    "mails.id": "gen_random_uuid()",
    "mails.created_at": "coalesce(sent_at + interval '1 us', created_at)",
    "mails.refusals": "99",
    "mails.next_try_at": "next_try_at + interval '2 days'",
    "mails.sent_at": "created_at - interval '1 us'",
    "links.user_id": "gen_random_uuid()",
    "links.created_at": "created_at - interval '1 us'",
    "links.expires_at": "expires_at + interval '1 us'",
    "links.ended_at": "created_at - interval '1 us'",
    "outbox.user_id": "gen_random_uuid()",
    "outbox.topic": "'something.else'",
    "outbox.payload": "'{}'",
    "outbox.created_at": "coalesce(published_at + interval '1 us', created_at)",
    "outbox.published_at": "created_at - interval '1 us'",
    "transaction_metadata.user_id": "gen_random_uuid()",
    "transaction_metadata.sequence": "sequence + 1",
    "transaction_metadata.position": "3 - position",
    "transaction_metadata.key": "'another'",
    "transaction_metadata.value": "value || '!'",
    "transaction_metadata.salt": "substr(sha256(salt), 1, 16)",
    "closed_keys.user_id": "gen_random_uuid()",
    "closed_keys.kind": "'another'",
    "closed_keys.closed_at": "now() + interval '1 day'",
    "notifications.user_id": "gen_random_uuid()",
    "notifications.number": "number + 1",
    "notifications.kind": "'top_up_failed'",
    "notifications.created_at": "created_at - interval '1 us'",
    "notifications.sequence": "99",
    "payment_requests.user_id": "gen_random_uuid()",
    "payment_requests.id": "gen_random_uuid()",
    "payment_requests.role": "'payer'",
    "payment_requests.requester_id": "gen_random_uuid()",
    "payment_requests.payer_id": "gen_random_uuid()",
    "payment_requests.is_open": "NOT is_open",
    "payment_requests.amount": "amount + 1",
    "payment_requests.note": "'another'",
    "payment_requests.status": "'cancelled'",
    "payment_requests.created_at": "now() + interval '1 day'",
    "payment_requests.expires_at": "created_at",
    "payment_requests.closed_at": "created_at",
    "payment_requests.secret": "substr(sha256(uuid_send(user_id)), 1, 16)",
    "payment_requests.reference": "gen_random_uuid()",
    "payment_requests.idempotency_key": "'another-key'",
    "payment_requests.reminders": "reminders + 1",
    "payment_requests.reminded_at": "now()",
    "payment_requests.split_id": "gen_random_uuid()",
    "bill_splits.user_id": "gen_random_uuid()",
    "bill_splits.id": "gen_random_uuid()",
    "bill_splits.total": "total + 1",
    "bill_splits.own_share": "own_share + 1",
    "bill_splits.note": "'another'",
    "bill_splits.created_at": "created_at - interval '1 s'",
    "notifications.subject_id": "gen_random_uuid()",
    "blocks.user_id": "gen_random_uuid()",
    "blocks.other_id": "gen_random_uuid()",
    "blocks.role": "'blocker'",
    "blocks.created_at": "created_at - interval '1 s' * (role = 'blocker')::int",
    "webhooks.user_id": "gen_random_uuid()",
    "webhooks.id": "gen_random_uuid()",
    "webhooks.api_token_id": "gen_random_uuid()",
    "webhooks.stream": "'NOTIFICATIONS'",
    "webhooks.status": "'ASLEEP'",
    "webhooks.created_at": "now() + interval '1 day'",
    "webhooks.failures": "failures + 1",
    "webhooks.failing_since": "now()",
    "webhooks.next_attempt_at": "now()",
    "webhooks.lease": "gen_random_uuid()",
    "webhooks.leased_until": "now()",
    "webhook_secrets.user_id": "gen_random_uuid()",
    "webhook_secrets.webhook_id": "gen_random_uuid()",
    "webhook_secrets.key_id": "''",
    "webhook_secrets.expires_at": "now() + interval '1 day'",
    "webhook_attempts.user_id": "gen_random_uuid()",
    "webhook_attempts.number": "0",
    "webhook_attempts.attempt": "0",
    "webhook_attempts.sent_at": "now() + interval '1 day'",
    "webhook_attempts.duration_milliseconds": "-1",
    "webhook_attempts.status": "404",
    "webhook_attempts.next_attempt_at": "now()",
    "scheduled_transfers.user_id": "gen_random_uuid()",
    "scheduled_transfers.id": "gen_random_uuid()",
    "scheduled_transfers.recipient_id": "user_id",
    "scheduled_transfers.amount": "amount + 1",
    "scheduled_transfers.note": "'another'",
    "scheduled_transfers.recurrence_unit": "'MOON'",
    "scheduled_transfers.recurrence_interval": "0",
    "scheduled_transfers.starts_on": "starts_on - 2",
    "scheduled_transfers.ends_on": "starts_on - 1",
    "scheduled_transfers.status": "'PAUSED'",
    "scheduled_transfers.created_at": "now() + interval '1 day'",
    "scheduled_transfers.api_token_id": "gen_random_uuid()",
    "scheduled_transfers.next_number": "next_number + 1",
    "scheduled_transfers.attempt_at": "NULL",
    "scheduled_runs.user_id": "gen_random_uuid()",
    "scheduled_runs.schedule_id": "gen_random_uuid()",
    "scheduled_runs.number": "number + 1",
    "scheduled_runs.due_at": "now() + interval '1 day'",
    "scheduled_runs.status": "'SENT'",
    "scheduled_runs.sequence": "sequence - 1",
    "top_ups.user_id": "gen_random_uuid()",
    "top_ups.id": "gen_random_uuid()",
    "top_ups.amount": "amount + 1",
    "top_ups.status": "'FAILED'",
    "top_ups.idempotency_key": "'another-key'",
    "top_ups.api_token_id": "gen_random_uuid()",
    "top_ups.created_at": "now() + interval '1 day'",
    "top_ups.checkout_url": "'https://another.example'",
    "top_ups.expires_at": "created_at",
    "top_ups.payment_id": "'another'",
    "top_ups.sequence": "sequence + 1",
    "top_ups.reference": "gen_random_uuid()",
    "top_ups.refund": "'DUE'",
    "top_ups.attend_at": "NULL",
    "top_up_reversal_entries.user_id": "gen_random_uuid()",
    "top_up_reversal_entries.reference": "gen_random_uuid()",
    "top_up_reversal_entries.reversal_id": "gen_random_uuid()",
    "top_up_mismatches.seen_at": "now() + interval '1 day'",
    "top_up_reconciliations.due_at": "now() + interval '2 days'",
    "top_up_reconciliations.through": "now() + interval '1 day'",
    "top_up_reversals.user_id": "gen_random_uuid()",
    "top_up_reversals.id": "gen_random_uuid()",
    "top_up_reversals.top_up_id": "gen_random_uuid()",
    "top_up_reversals.source": "'THEFT'",
    "top_up_reversals.amount": "taken - 1",
    "top_up_reversals.status": "'POSTED'",
    "top_up_reversals.created_at": "now() + interval '1 day'",
    "top_up_reversals.taken": "taken + 1",
    "top_up_reversals.returned": "returned + 1",
    "top_up_reversals.returned_reference": "gen_random_uuid()",
    "users.sending_restricted_until": "now()",
    "users.receiving_restricted_until": "'infinity'",
    "users.adding_restricted_until": "now()",
    "operators.user_id": "gen_random_uuid()",
    "operators.added_at": "added_at - interval '1 us'",
    "operator_records.position": "position + 1",
    "operator_records.type": "'removal'",
    "operator_records.number": "number + 1",
    "operator_records.decides": "99",
    "operator_records.action_id": "gen_random_uuid()",
    "operator_records.operator_id": "gen_random_uuid()",
    "operator_records.account_id": "gen_random_uuid()",
    "operator_records.other_account_id": "gen_random_uuid()",
    "operator_records.kind": "'LIFT'",
    "operator_records.created_at": "created_at - interval '1 us'",
    "operator_records.reason": "'Another reason.'",
    "operator_records.reference": "gen_random_uuid()",
    "operator_records.amount": "99",
    "operator_records.requested_amount": "99",
    "operator_records.includes_fee": "true",
    "operator_records.posted_reference": "gen_random_uuid()",
    "operator_records.restrictions": "'ADDING'",
    "operator_records.until": "now()",
    "operator_records.idempotency_key": "'another-key'",
    "operator_records.seal": "sha256('')",
    "operator_log.id": "2",
    "operator_log.position": "position + 1",
    "operator_log.number": "number + 1",
    "operator_log.seal": "sha256('')",
    "delivery_cursors.sink": "'another'",
    "delivery_cursors.receiver_id": "gen_random_uuid()",
    "delivery_cursors.user_id": "gen_random_uuid()",
    "delivery_cursors.accepted_number": "99",
    "delivery_due.user_id": "gen_random_uuid()",
    "delivery_due.number": "99",
    "delivery_due.sink": "'another'",
    "delivery_due.receiver_id": "gen_random_uuid()",
}
#: What the audit cannot know: who people are, how they sign in and what their tokens may do, and how far
#: the work of afterwards has come. docs/reliability.md says so.
NOT_PROVED = {
    "totp_factors.id": "gen_random_uuid()",
    "totp_factors.encrypted": "'another'",
    "passkeys.id": "gen_random_uuid()",
    "passkeys.credential_id": "'another'",
    "passkeys.public_key": "'another'",
    "passkeys.transports": "'{}'",
    "passkeys.name": "'Another'",
    "recovery_codes.id": "gen_random_uuid()",
    "recovery_codes.code_hash": "sha256('')",
    "second_factor_challenges.id": "gen_random_uuid()",
    "second_factor_challenges.secret_hash": "sha256('')",
    "second_factor_challenges.binding": "sha256('')",
    "second_factor_challenges.key_id": "NULL",
    "second_factor_challenges.encrypted": "NULL",
    "second_factor_failures.id": "gen_random_uuid()",
    "bill_splits.idempotency_key": "'another-key'",
    "users.name": "name",
    "closed_accounts.name": "'Another'",
    "data_export_chunks.content": "content",
    "users.email_verified_at": "email_verified_at - interval '1 us'",
    "users.password_hash": "'another'",
    "users.created_at": "created_at - interval '1 us'",
    "users.registration_expires_at": "registration_expires_at - interval '1 us'",
    "users.notifications_read_through": "notification_number",
    "users.mailed_notifications": "'{}'",
    "users.time_zone": "'Asia/Kolkata'",
    "notifications.person_id": "gen_random_uuid()",
    "notifications.details": "'{\"x\": 1}'",
    "sessions.id": "gen_random_uuid()",
    "sessions.user_agent": "'another'",
    "sessions.ip_address": "'another'",
    "sessions.refresh_hash": "sha256('')",
    "api_tokens.name": "'another'",
    "api_tokens.daily_limit": "daily_limit + 1",
    "api_tokens.secret_hash": "sha256('')",
    "api_tokens.expires_at": "now() + interval '1 day'",
    "api_tokens.last_used_at": "now()",
    "mails.purpose": "'password_changed'",
    "mails.state": "CASE state WHEN 'pending' THEN 'withdrawn' ELSE state END",
    "mails.requested_from": "'another'",
    "mails.trying_since": "trying_since - interval '1 us'",
    "mails.last_error": "'another'",
    "mails.details": "'{\"x\": 1}'",
    "links.id": "gen_random_uuid()",
    "links.purpose": "purpose",
    "links.token_hash": "sha256('')",
    "outbox.id": "gen_random_uuid()",
    "outbox.claimed_until": "now()",
    "outbox.set_aside_at": "now()",
    "outbox.traceparent": "'another'",
    "closed_keys.idempotency_key": "'another-key'",
    "webhooks.url": "'https://another.example'",
    "webhooks.document": "'another'",
    "webhooks.revision": "revision + 1",
    "webhook_secrets.id": "gen_random_uuid()",
    "webhook_secrets.encrypted": "'another'",
    "webhook_secrets.hint": "'abcd'",
    "webhook_attempts.id": "gen_random_uuid()",
    "webhook_attempts.webhook_id": "gen_random_uuid()",
    "webhook_attempts.is_delivered": "false",
    "webhook_attempts.detail": "'another'",
    "webhook_attempts.epoch": "gen_random_uuid()",
    "stream_epoch.only_row": "false",
    "stream_epoch.epoch": "gen_random_uuid()",
    "stream_epoch.is_first": "false",
    "scheduled_transfers.time_zone": "'Europe/Berlin'",
    "scheduled_transfers.idempotency_key": "'another-key'",
    "scheduled_runs.refusal": "CASE status WHEN 'FAILED' THEN '{}'::jsonb END",
    "top_ups.provider": "'another'",
    "top_ups.session_id": "'another'",
    "top_up_reversals.source_id": "'another'",
    "top_up_reversals.is_short": "true",
    "top_up_mismatches.provider": "'another'",
    "top_up_mismatches.source_id": "'another'",
    "top_up_mismatches.reason": "'another'",
    "top_up_mismatches.user_id": "gen_random_uuid()",
    "top_up_mismatches.top_up_id": "gen_random_uuid()",
    "top_up_mismatches.amount": "99",
    "top_up_mismatches.currency": "'EUR'",
    "top_up_reconciliations.provider": "'another'",
    "delivery_due.since": "since - interval '1 day'",
    "delivery_due.next_try_at": "next_try_at + interval '1 day'",
}


async def test_of_each_column_there_is_whether_it_is_proved(
    books: Books, admin_database_url: str
) -> None:
    await lived_in(books)
    rows = books.connection.execute(
        "SELECT table_name || '.' || column_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND table_name <> ALL (%s)",
        [["transactions", "alembic_version", "citus_tables", "citus_schemas"]],
    ).fetchall()
    assert {column for (column,) in rows} == {*PROVED, *NOT_PROVED}
    admin = await Database.open(clusters.coordinator(admin_database_url))
    try:
        async with admin.transaction() as connection:
            await connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            await connection.exec_driver_sql(_ANY_VALUE)
            for column, value in PROVED.items():
                change = await connection.begin_nested()
                assert await _is_found(connection, {column: value}), column
                await change.rollback()
            assert not await _is_found(connection, NOT_PROVED)
    finally:
        await admin.close()


async def _is_found(connection: AsyncConnection, changes: dict[str, str]) -> bool:
    for column, value in changes.items():
        table, name = column.split(".")
        changed_rows = await row_changes.change(connection, f"UPDATE {table} SET {name} = {value}")
        assert changed_rows > 0, table
    # One finding is enough, and the checks of the changed tables mostly have it.
    changed = {column.split(".")[0] for column in changes}
    for check in audit.CHECKS:
        if check.table in changed:
            statement = audit.statement(check).replace("%", "%%")
            if (await connection.exec_driver_sql(statement)).first() is not None:
                return True
    report = await audit.look(connection)
    return any(finding.table != "pg_constraint" for finding in report.findings)


#: A constraint would refuse some of it; what is tried is what the audit says where there is none. A cluster
#: drops those of the shards too.
_ANY_VALUE = f"""
DO $$
DECLARE
    each record;
BEGIN
    FOR each IN SELECT conrelid::regclass AS of_table, conname FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'p', 'u', 'f')
            AND conrelid::regclass::text = ANY ('{{{",".join(PLACEMENTS)}}}')
        ORDER BY contype <> 'f'
    LOOP
        EXECUTE 'ALTER TABLE ' || each.of_table || ' DROP CONSTRAINT ' || quote_ident(each.conname);
    END LOOP;
END
$$
"""
