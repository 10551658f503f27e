-- The statements of transfer.sql in one call.
CREATE FUNCTION bench_transfer(sender uuid, recipient uuid, moved bigint, key text)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    shared_reference uuid := uuidv7();
    posted_at timestamptz;
    sender_balance bigint;
    sender_sequence bigint;
    recipient_balance bigint;
    recipient_sequence bigint;
BEGIN
    SELECT greatest(max(locked.last_posted_at), clock_timestamp()) INTO posted_at FROM (
        SELECT last_posted_at FROM users WHERE id IN (sender, recipient) ORDER BY id FOR NO KEY UPDATE
    ) AS locked;
    PERFORM 1 FROM transactions
    WHERE user_id = sender AND kind = 'transfer' AND idempotency_key = key;
    UPDATE users SET balance = balance - moved, sequence = sequence + 1, last_posted_at = posted_at,
        book_seal = '\x5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e'
    WHERE id = sender RETURNING balance, sequence INTO sender_balance, sender_sequence;
    UPDATE users SET balance = balance + moved, sequence = sequence + 1, last_posted_at = posted_at,
        book_seal = '\x5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e'
    WHERE id = recipient RETURNING balance, sequence INTO recipient_balance, recipient_sequence;
    INSERT INTO transactions (user_id, sequence, reference, kind, direction, amount, fee,
        counterparty_id, balance_after, created_at, idempotency_key, seal)
    VALUES (sender, sender_sequence, shared_reference, 'transfer', 'outgoing', moved, 0,
        recipient, sender_balance, posted_at, key,
        '\x5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e');
    INSERT INTO transactions (user_id, sequence, reference, kind, direction, amount, fee,
        counterparty_id, balance_after, created_at, seal)
    VALUES (recipient, recipient_sequence, shared_reference, 'transfer', 'incoming', moved, 0,
        sender, recipient_balance, posted_at,
        '\x5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e');
    INSERT INTO outbox (user_id, id, topic, payload) VALUES
        (sender, uuidv7(), 'transaction.posted', jsonb_build_object('sequence', sender_sequence)),
        (recipient, uuidv7(), 'transaction.posted', jsonb_build_object('sequence', recipient_sequence));
    RETURN sender_balance;
END
$$;
