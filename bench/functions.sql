-- The transfer as one statement, and in it everything that `sendMoney` writes: what pgbench calls, and the rivals.
-- In place of seals, of which it makes none, it writes a constant of the same length.

CREATE FUNCTION bench_transfer(
    sender uuid, recipient uuid, moved bigint, key text,
    OUT outcome text, OUT reference uuid, OUT sequence bigint, OUT balance bigint,
    OUT posted_at timestamptz, OUT recipient_name text, OUT replayed boolean
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    account record;
    earlier record;
    seal CONSTANT bytea := decode(repeat('5a', 32), 'hex');
    sender_balance bigint;
    sender_sequence bigint;
    recipient_balance bigint;
    recipient_sequence bigint;
BEGIN
    posted_at := '-infinity';
    FOR account IN
        SELECT u.id, u.name, u.balance, u.sequence, u.last_posted_at FROM users AS u
        WHERE u.id = ANY (ARRAY[sender, recipient]) AND u.email_verified_at IS NOT NULL
            AND u.closed_at IS NULL
        ORDER BY u.id FOR NO KEY UPDATE
    LOOP
        posted_at := greatest(posted_at, account.last_posted_at);
        IF account.id = sender THEN
            sender_balance := account.balance;
            sender_sequence := account.sequence + 1;
        ELSE
            recipient_balance := account.balance;
            recipient_sequence := account.sequence + 1;
            recipient_name := account.name;
        END IF;
    END LOOP;
    posted_at := greatest(posted_at, clock_timestamp());
    replayed := false;
    SELECT t.* INTO earlier FROM transactions AS t
    WHERE t.user_id = sender AND t.kind = 'transfer' AND t.idempotency_key = key;
    IF FOUND THEN
        outcome := 'KeyReused';
        IF earlier.counterparty_id = recipient AND earlier.amount = moved THEN
            outcome := 'Sent';
            replayed := true;
            reference := earlier.reference;
            sequence := earlier.sequence;
            balance := earlier.balance_after;
            posted_at := earlier.created_at;
        END IF;
        RETURN;
    END IF;
    IF sender_sequence IS NULL OR recipient_sequence IS NULL THEN
        outcome := 'RecipientNotFound';
        RETURN;
    END IF;
    IF moved > sender_balance THEN
        outcome := 'InsufficientFunds';
        RETURN;
    END IF;
    outcome := 'Sent';
    reference := uuidv7();
    sequence := sender_sequence;
    balance := sender_balance - moved;
    UPDATE users AS u
    SET balance = CASE u.id WHEN sender THEN u.balance - moved ELSE u.balance + moved END,
        sequence = u.sequence + 1, last_posted_at = posted_at, book_seal = seal
    WHERE u.id = ANY (ARRAY[sender, recipient]);
    INSERT INTO transactions (user_id, sequence, reference, kind, direction, amount, fee,
        counterparty_id, balance_after, created_at, idempotency_key, seal)
    VALUES
        (sender, sender_sequence, reference, 'transfer', 'outgoing', moved, 0,
            recipient, balance, posted_at, key, seal),
        (recipient, recipient_sequence, reference, 'transfer', 'incoming', moved, 0,
            sender, recipient_balance + moved, posted_at, NULL, seal);
    INSERT INTO outbox (user_id, id, topic, payload)
    VALUES
        (sender, uuidv7(), 'transaction.posted', jsonb_build_object('sequence', sender_sequence)),
        (recipient, uuidv7(), 'transaction.posted', jsonb_build_object('sequence', recipient_sequence));
END
$$;

-- The same for many at once, each with an outcome of its own: decided in turn in variables, then written
-- by one statement for each table.
CREATE FUNCTION bench_transfers(senders uuid[], recipients uuid[], amounts bigint[], keys text[])
RETURNS TABLE (
    outcome text, reference uuid, sequence bigint, balance bigint, posted_at timestamptz,
    recipient_name text, replayed boolean
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    seal CONSTANT bytea := decode(repeat('5a', 32), 'hex');
    ids uuid[];
    names text[];
    balances bigint[];
    sequences bigint[];
    newest timestamptz[];
    senders_at integer[];
    recipients_at integer[];
    earlier_at integer[];
    earlier transactions[];
    now_at timestamptz;
    paid integer;
    got integer;
    changed boolean[];
    entry_users uuid[] := '{}';
    entry_sequences bigint[] := '{}';
    entry_references uuid[] := '{}';
    entry_directions text[] := '{}';
    entry_amounts bigint[] := '{}';
    entry_counterparties uuid[] := '{}';
    entry_balances bigint[] := '{}';
    entry_times timestamptz[] := '{}';
    entry_keys text[] := '{}';
BEGIN
    SELECT array_agg(a.id), array_agg(a.name), array_agg(a.balance), array_agg(a.sequence),
        array_agg(a.last_posted_at), array_agg(false)
    INTO ids, names, balances, sequences, newest, changed
    FROM (
        SELECT u.id, u.name, u.balance, u.sequence, u.last_posted_at FROM users AS u
        WHERE u.id = ANY (senders || recipients) AND u.email_verified_at IS NOT NULL
            AND u.closed_at IS NULL
        ORDER BY u.id FOR NO KEY UPDATE
    ) AS a;
    now_at := clock_timestamp();
    SELECT array_agg(s.place ORDER BY c.place), array_agg(r.place ORDER BY c.place)
    INTO senders_at, recipients_at
    FROM unnest(senders, recipients) WITH ORDINALITY AS c (sender, recipient, place)
    LEFT JOIN unnest(ids) WITH ORDINALITY AS s (id, place) ON s.id = c.sender
    LEFT JOIN unnest(ids) WITH ORDINALITY AS r (id, place) ON r.id = c.recipient;
    SELECT array_agg(c.place), array_agg(t) INTO earlier_at, earlier
    FROM unnest(senders, keys) WITH ORDINALITY AS c (sender, key, place)
    JOIN transactions AS t
        ON t.user_id = c.sender AND t.kind = 'transfer' AND t.idempotency_key = c.key;
    FOR i IN 1 .. cardinality(senders) LOOP
        paid := senders_at[i];
        got := recipients_at[i];
        reference := NULL;
        sequence := NULL;
        balance := NULL;
        posted_at := NULL;
        recipient_name := names[got];
        replayed := false;
        IF earlier_at IS NOT NULL AND i = ANY (earlier_at) THEN
            outcome := 'KeyReused';
            SELECT 'Sent', t.reference, t.sequence, t.balance_after, t.created_at, true
            INTO outcome, reference, sequence, balance, posted_at, replayed
            FROM unnest(earlier) AS t
            WHERE t.user_id = senders[i] AND t.idempotency_key = keys[i]
                AND t.counterparty_id = recipients[i] AND t.amount = amounts[i];
            outcome := coalesce(outcome, 'KeyReused');
            replayed := coalesce(replayed, false);
        ELSIF paid IS NULL OR got IS NULL OR paid = got THEN
            outcome := 'RecipientNotFound';
        ELSIF amounts[i] > balances[paid] THEN
            outcome := 'InsufficientFunds';
        ELSE
            outcome := 'Sent';
            reference := uuidv7();
            posted_at := greatest(now_at, newest[paid], newest[got]);
            balances[paid] := balances[paid] - amounts[i];
            balances[got] := balances[got] + amounts[i];
            sequences[paid] := sequences[paid] + 1;
            sequences[got] := sequences[got] + 1;
            newest[paid] := posted_at;
            newest[got] := posted_at;
            changed[paid] := true;
            changed[got] := true;
            sequence := sequences[paid];
            balance := balances[paid];
            entry_users := entry_users || senders[i] || recipients[i];
            entry_sequences := entry_sequences || sequences[paid] || sequences[got];
            entry_references := entry_references || reference || reference;
            entry_directions := entry_directions || 'outgoing'::text || 'incoming'::text;
            entry_amounts := entry_amounts || amounts[i] || amounts[i];
            entry_counterparties := entry_counterparties || recipients[i] || senders[i];
            entry_balances := entry_balances || balances[paid] || balances[got];
            entry_times := entry_times || posted_at || posted_at;
            entry_keys := entry_keys || keys[i] || NULL::text;
        END IF;
        RETURN NEXT;
    END LOOP;
    UPDATE users AS u
    SET balance = a.balance, sequence = a.sequence, last_posted_at = a.last_posted_at, book_seal = seal
    FROM unnest(ids, balances, sequences, newest, changed)
        AS a (id, balance, sequence, last_posted_at, changed)
    WHERE u.id = a.id AND a.changed;
    INSERT INTO transactions (user_id, sequence, reference, kind, direction, amount, fee,
        counterparty_id, balance_after, created_at, idempotency_key, seal)
    SELECT l.user_id, l.sequence, l.reference, 'transfer', l.direction, l.amount, 0,
        l.counterparty_id, l.balance, l.posted_at, l.key, seal
    FROM unnest(entry_users, entry_sequences, entry_references, entry_directions, entry_amounts,
        entry_counterparties, entry_balances, entry_times, entry_keys)
        AS l (user_id, sequence, reference, direction, amount, counterparty_id, balance, posted_at, key);
    INSERT INTO outbox (user_id, id, topic, payload)
    SELECT l.user_id, uuidv7(), 'transaction.posted', jsonb_build_object('sequence', l.sequence)
    FROM unnest(entry_users, entry_sequences) AS l (user_id, sequence);
END
$$;
