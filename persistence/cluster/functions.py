"""The database functions that differ on a Citus cluster, where rows are locked and read on other nodes."""

from __future__ import annotations

from psycopg import Connection

#: The rows of one user are in one shard. Citus locks rows of a single shard only, so this locks shard by
#: shard: in the order of shards, then of ids, for every caller. A single row takes the shortest path of Citus.
_LOCK_ACCOUNTS = """
CREATE OR REPLACE FUNCTION lock_accounts(account_ids uuid[]) RETURNS SETOF users
LANGUAGE plpgsql VOLATILE STRICT ROWS 2 AS $$
DECLARE
    of_shard uuid[];
BEGIN
    FOR of_shard IN
        SELECT array_agg(id ORDER BY id) FROM (SELECT DISTINCT unnest(account_ids) AS id) AS asked
        GROUP BY get_shard_id_for_distribution_column('users', id)
        ORDER BY get_shard_id_for_distribution_column('users', id)
    LOOP
        IF cardinality(of_shard) = 1 THEN
            RETURN QUERY SELECT * FROM users WHERE id = of_shard[1] FOR NO KEY UPDATE;
        ELSE
            RETURN QUERY EXECUTE format(
                'SELECT * FROM users WHERE id = ANY (%L::uuid[]) ORDER BY id FOR NO KEY UPDATE', of_shard
            );
        END IF;
    END LOOP;
END
$$
"""

#: The trigger runs on a shard, from which Citus allows no query of the distributed table: it reads the
#: shard of `users` that is on the same node.
_REFUSE_CHANGE_OF_CLOSED_KEYS = """
CREATE OR REPLACE FUNCTION refuse_change_of_closed_keys() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_unverified boolean;
BEGIN
    IF TG_OP = 'DELETE' THEN
        EXECUTE format('SELECT email_verified_at IS NULL FROM %I.%I WHERE id = $1', TG_TABLE_SCHEMA,
            'users_' || get_shard_id_for_distribution_column('users', OLD.user_id))
        INTO is_unverified USING OLD.user_id;
        IF is_unverified THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'A closed idempotency key stays closed.' USING ERRCODE = 'restrict_violation';
END
$$
"""

#: Citus has no generic plans for these queries.
_PLAN_EACH_SEARCH = """
ALTER FUNCTION find_users(uuid, text, text, text, text, text, integer, text, uuid, integer, integer)
SET plan_cache_mode = force_custom_plan
"""

_NOT_PROPAGATED = """
SELECT p.oid::regprocedure::text FROM pg_proc AS p
WHERE p.pronamespace = 'public'::regnamespace AND p.prokind = 'f'
    AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
    )
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_dist_object AS o
        WHERE o.classid = 'pg_proc'::regclass AND o.objid = p.oid
    )
ORDER BY p.oid
"""


def adapt(connection: Connection) -> None:
    """Replace the functions that differ, and create all of ours on every node. Repeating it is harmless.

    The tables are distributed; the connection is in autocommit.
    """
    for statement in (_LOCK_ACCOUNTS, _REFUSE_CHANGE_OF_CLOSED_KEYS, _PLAN_EACH_SEARCH):
        connection.execute(statement)
    for (name,) in connection.execute(_NOT_PROPAGATED).fetchall():
        connection.execute("SELECT create_distributed_function(%s)", [name])
