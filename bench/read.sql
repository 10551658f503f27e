-- What `viewer` reads of a person.
\set a random(1, :users)
SELECT id, name, email, email_verified_at, balance, sequence FROM users WHERE id = bench_person(:a);
