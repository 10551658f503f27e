-- The same transfer that `sendMoney` makes, as pgbench does it bare: the same tables, constraints,
-- indexes and triggers, with a constant for a seal. By one call of bench_transfer() in functions.sql, or
-- each step a statement of its own, without any rule but the database's.
\if :to_one
\set a random(2, :users)
\set b 1
\else
\set a random(1, :users)
\set b 1 + (:a + random(0, :users - 2)) % :users
\endif
\set amount random(1, 500)
\set nonce random(1, 9000000000000000)
\if :by_call
SELECT outcome FROM bench_transfer(bench_person(:a), bench_person(:b), :amount, 'bench-' || :nonce);
\else
BEGIN;
WITH locked AS (
    SELECT last_posted_at FROM users
    WHERE id IN (bench_person(:a), bench_person(:b)) ORDER BY id FOR NO KEY UPDATE
)
SELECT greatest(max(last_posted_at), clock_timestamp()) AS posted_at, uuidv7() AS reference FROM locked \gset
SELECT count(*) AS earlier FROM transactions
WHERE user_id = bench_person(:a) AND kind = 'transfer' AND idempotency_key = 'bench-' || :nonce \gset
UPDATE users SET balance = balance - :amount, sequence = sequence + 1, last_posted_at = :posted_at,
    book_seal = '\x5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e'
WHERE id = bench_person(:a) RETURNING balance AS a_balance, sequence AS a_sequence \gset
UPDATE users SET balance = balance + :amount, sequence = sequence + 1, last_posted_at = :posted_at,
    book_seal = '\x5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e'
WHERE id = bench_person(:b) RETURNING balance AS b_balance, sequence AS b_sequence \gset
INSERT INTO transactions (user_id, sequence, reference, kind, direction, amount, fee,
    counterparty_id, balance_after, created_at, idempotency_key, seal)
VALUES (bench_person(:a), :a_sequence, :reference, 'transfer', 'outgoing', :amount, 0,
    bench_person(:b), :a_balance, :posted_at, 'bench-' || :nonce,
    '\x5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e');
INSERT INTO transactions (user_id, sequence, reference, kind, direction, amount, fee,
    counterparty_id, balance_after, created_at, seal)
VALUES (bench_person(:b), :b_sequence, :reference, 'transfer', 'incoming', :amount, 0,
    bench_person(:a), :b_balance, :posted_at,
    '\x5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e');
INSERT INTO outbox (user_id, id, topic, payload)
VALUES (bench_person(:a), uuidv7(), 'transaction.posted', jsonb_build_object('sequence', :a_sequence::bigint));
INSERT INTO outbox (user_id, id, topic, payload)
VALUES (bench_person(:b), uuidv7(), 'transaction.posted', jsonb_build_object('sequence', :b_sequence::bigint));
COMMIT;
\endif
