-- The same transfer as one call: bench_transfer() in bare.sql.
\if :to_one
\set a random(2, :people)
\set b 1
\else
\set a random(1, :people)
\set b 1 + (:a + random(0, :people - 2)) % :people
\endif
\set amount random(1, 500)
\set nonce random(1, 9000000000000000)
SELECT bench_transfer(bench_person(:a), bench_person(:b), :amount, 'bench-' || :nonce);
