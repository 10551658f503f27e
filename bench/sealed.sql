-- What the rival that seals entries calls under its locks: read, then write what it has decided and sealed.
-- Instants are microseconds since 2000, as they are sealed; bytes are hexadecimal.

CREATE FUNCTION bench_microseconds(instant timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT (extract(epoch FROM instant) * 1000000)::bigint - 946684800000000
$$;

CREATE FUNCTION bench_instant(microseconds bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT timestamptz '2000-01-01 00:00:00+00' + microseconds * interval '1 microsecond'
$$;

-- Lock the accounts, and then read the clock, the keys, and which sessions are active.
CREATE FUNCTION bench_lock(senders uuid[], recipients uuid[], keys text[], sessions uuid[])
RETURNS json LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    accounts json;
BEGIN
    SELECT json_agg(json_build_array(a.id, a.name, a.balance, a.sequence,
        bench_microseconds(a.last_posted_at), encode(a.book_seal, 'hex'), a.notification_number))
    INTO accounts
    FROM (
        SELECT u.id, u.name, u.balance, u.sequence, u.last_posted_at, u.book_seal, u.notification_number
        FROM users AS u
        WHERE u.id = ANY (senders || recipients) AND u.email_verified_at IS NOT NULL
            AND u.closed_at IS NULL
        ORDER BY u.id FOR NO KEY UPDATE
    ) AS a;
    RETURN json_build_object(
        'now', bench_microseconds(clock_timestamp()),
        'accounts', coalesce(accounts, '[]'),
        'posted', (
            SELECT json_agg(json_build_object('sender', t.user_id, 'key', t.idempotency_key,
                'recipient', t.counterparty_id, 'amount', t.amount, 'reference', t.reference,
                'sequence', t.sequence, 'balance', t.balance_after,
                'created', bench_microseconds(t.created_at)))
            FROM unnest(senders, keys) AS asked (sender, key)
            JOIN transactions AS t
                ON t.user_id = asked.sender AND t.kind = 'transfer' AND t.idempotency_key = asked.key
        ),
        'active', (
            SELECT json_agg(s.id)
            FROM unnest(senders, sessions) AS asked (user_id, id)
            JOIN sessions AS s ON s.user_id = asked.user_id AND s.id = asked.id
            WHERE s.ended_at IS NULL AND s.rotated_at > clock_timestamp() - interval '30 days'
                AND s.created_at > clock_timestamp() - interval '180 days'
        )
    );
END
$$;

-- Write the accounts and the entries, the notifications of who received money, and the events of both.
CREATE FUNCTION bench_write(accounts json, entries json) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    UPDATE users AS u
    SET balance = a.balance, sequence = a.sequence, last_posted_at = bench_instant(a.posted),
        book_seal = decode(a.seal, 'hex'), notification_number = a.number
    FROM json_to_recordset(accounts)
        AS a (id uuid, balance bigint, sequence bigint, posted bigint, seal text, number bigint)
    WHERE u.id = a.id;
    INSERT INTO transactions (user_id, sequence, reference, kind, direction, amount, fee,
        counterparty_id, balance_after, created_at, idempotency_key, seal)
    SELECT e.user, e.sequence, e.reference, 'transfer', e.direction, e.amount, 0, e.counterparty,
        e.balance, bench_instant(e.created), e.key, decode(e.seal, 'hex')
    FROM json_to_recordset(entries) AS e ("user" uuid, sequence bigint, reference uuid,
        direction text, amount bigint, counterparty uuid, balance bigint, created bigint, key text,
        seal text);
    INSERT INTO notifications (user_id, number, kind, created_at, sequence)
    SELECT e.user, e.number, 'money_received', bench_instant(e.created), e.sequence
    FROM json_to_recordset(entries)
        AS e ("user" uuid, number bigint, created bigint, sequence bigint)
    WHERE e.number IS NOT NULL;
    INSERT INTO outbox (user_id, id, topic, payload)
    SELECT e.user, uuidv7(), 'transaction.posted', jsonb_strip_nulls(
        jsonb_build_object('sequence', e.sequence, 'notification_number', e.number))
    FROM json_to_recordset(entries) AS e ("user" uuid, sequence bigint, number bigint);
END
$$;
