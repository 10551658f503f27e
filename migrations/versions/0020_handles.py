"""Store handles, find people by them, and tell apart names that look alike.

`./wallet migrate` stores the skeletons of existing names afterwards, in batches
(persistence/people/skeleton_rows.py). The index of counterparties gets the kind and the direction, so that
the transfers to a counterparty are counted without reading them.
"""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_FORM = "'^[a-z][a-z0-9._]{2,19}$'"
_TABLES = (
    f"""
ALTER TABLE users
    ADD COLUMN handle text COLLATE "C",
    ADD CONSTRAINT users_handle_form_check CHECK (handle ~ {_FORM}),
    ADD CONSTRAINT users_handle_only_verified_check
        CHECK (handle IS NULL OR email_verified_at IS NOT NULL)
""",
    f"""
CREATE TABLE handles (
    handle text COLLATE "C" NOT NULL,
    user_id uuid NOT NULL,
    reserved_until timestamptz,
    CONSTRAINT handles_pkey PRIMARY KEY (handle),
    CONSTRAINT handles_form_check CHECK (handle ~ {_FORM}),
    CONSTRAINT handles_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
)
""",
    "CREATE INDEX handles_user_id_idx ON handles (user_id)",
    "CREATE INDEX handles_reserved_until_idx ON handles (reserved_until) WHERE reserved_until IS NOT NULL",
    """
CREATE TABLE name_skeletons (
    user_id uuid NOT NULL,
    digest bytea NOT NULL,
    CONSTRAINT name_skeletons_pkey PRIMARY KEY (user_id, digest),
    CONSTRAINT name_skeletons_digest_length_check CHECK (octet_length(digest) = 16),
    CONSTRAINT name_skeletons_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
)
""",
    "CREATE INDEX name_skeletons_digest_idx ON name_skeletons (digest, user_id)",
    "DROP INDEX transactions_counterparty_idx",
    "CREATE INDEX transactions_counterparty_idx ON transactions (user_id, counterparty_id, sequence) "
    "INCLUDE (kind, direction)",
)
_NO_TABLES = (
    "DROP INDEX transactions_counterparty_idx",
    "CREATE INDEX transactions_counterparty_idx ON transactions (user_id, counterparty_id, sequence)",
    "DROP TABLE name_skeletons",
    "DROP TABLE handles",
    "ALTER TABLE users DROP COLUMN handle",
)


def upgrade() -> None:
    for command in (*_TABLES, _FIND_USERS):
        op.get_bind().exec_driver_sql(command)


def downgrade() -> None:
    for command in (_NO_FIND_USERS, *_NO_TABLES):
        op.get_bind().exec_driver_sql(command)


_NO_FIND_USERS = "DROP FUNCTION find_users(uuid, text, text, text, text, text, integer, text, uuid, integer, integer)"
_FOUND = "u.email_verified_at IS NOT NULL AND u.closed_at IS NULL AND u.id <> viewer_id"
_USER = "u.id, u.name, u.email, u.email_verified_at, u.balance, u.sequence, u.handle"
# Who was found by the address or the exact handle.
_NOT_BEFORE = (
    "u.email IS DISTINCT FROM address "
    "AND (wanted_handle IS NULL OR u.handle IS DISTINCT FROM wanted_handle)"
)
# Who was found by the beginning of the handle too; this part is true without a handle.
_NOT_BY_HANDLE = (
    "(wanted_handle IS NULL OR u.handle IS NULL OR NOT starts_with(u.handle, wanted_handle))"
)

# As `find_people`, which stays for processes of the release before, with two more tiers: the exact handle
# beside the address, and the beginning of the handle after the exact name.
_FIND_USERS = rf"""
CREATE FUNCTION find_users(
    viewer_id uuid, address text, wanted_handle text, wanted text, containing_pattern text,
    beginning_pattern text, from_rank integer, after_text text, after_id uuid, at_most integer,
    considered integer
) RETURNS TABLE (
    rank integer, matched text, id uuid, name text, email text, email_verified_at timestamptz,
    balance bigint, sequence bigint, handle text
)
LANGUAGE plpgsql STABLE ROWS 20
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    room integer := at_most;
    taken integer;
BEGIN
    IF from_rank = 0 AND address IS NOT NULL THEN
        RETURN QUERY
        SELECT 0, u.search_text, {_USER}
        FROM email_addresses AS e JOIN users AS u ON u.id = e.user_id
        WHERE e.address = find_users.address AND {_FOUND};
    END IF;
    IF from_rank = 0 AND wanted_handle IS NOT NULL THEN
        RETURN QUERY
        SELECT 0, u.search_text, {_USER}
        FROM handles AS h JOIN users AS u ON u.id = h.user_id
        WHERE h.handle = wanted_handle AND h.reserved_until IS NULL AND {_FOUND};
    END IF;
    IF from_rank <= 1 AND wanted <> '' THEN
        RETURN QUERY
        SELECT 1, u.search_text, {_USER}
        FROM users AS u
        WHERE u.search_text = wanted
            AND u.id > CASE from_rank WHEN 1 THEN after_id
                ELSE '00000000-0000-0000-0000-000000000000' END
            AND {_FOUND} AND {_NOT_BEFORE}
        ORDER BY u.search_text, u.id LIMIT room;
        GET DIAGNOSTICS taken = ROW_COUNT;
        room := room - taken;
    END IF;
    IF from_rank <= 2 AND wanted_handle IS NOT NULL AND room > 0 THEN
        RETURN QUERY
        SELECT 2, h.handle, {_USER}
        FROM handles AS h JOIN users AS u ON u.id = h.user_id
        WHERE h.handle > CASE from_rank WHEN 2 THEN after_text ELSE wanted_handle END
            AND h.handle < wanted_handle || U&'\+10FFFF' AND h.reserved_until IS NULL
            AND {_FOUND} AND u.search_text <> wanted
        ORDER BY h.handle LIMIT room;
        GET DIAGNOSTICS taken = ROW_COUNT;
        room := room - taken;
    END IF;
    IF from_rank <= 3 AND wanted <> '' AND room > 0 THEN
        RETURN QUERY
        SELECT 3, u.search_text, {_USER}
        FROM users AS u
        WHERE (u.search_text, u.id) > (
                CASE from_rank WHEN 3 THEN after_text ELSE wanted END,
                CASE from_rank WHEN 3 THEN after_id ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff' END
            )
            AND u.search_text < wanted || U&'\+10FFFF'
            AND {_FOUND} AND u.email IS DISTINCT FROM address AND {_NOT_BY_HANDLE}
        ORDER BY u.search_text, u.id LIMIT room;
        GET DIAGNOSTICS taken = ROW_COUNT;
        room := room - taken;
    END IF;
    IF containing_pattern IS NULL OR wanted = '' OR room <= 0 THEN
        RETURN;
    END IF;
    IF from_rank < 4 THEN
        after_text := NULL;
        after_id := NULL;
    END IF;
    IF char_length(wanted) >= 4 OR (char_length(wanted) = 2 AND search_parts(wanted) <> '{{}}') THEN
        RETURN QUERY
        SELECT 4, u.search_text, {_USER}
        FROM people_with_part(wanted, after_text, after_id, considered) AS u
        WHERE u.id <> viewer_id AND u.email IS DISTINCT FROM address AND {_NOT_BY_HANDLE}
        ORDER BY u.search_text, u.id LIMIT room;
    ELSE
        RETURN QUERY
        SELECT 4, u.search_text, {_USER}
        FROM people_containing(
            containing_pattern, beginning_pattern, after_text, after_id, considered
        ) AS u
        WHERE u.id <> viewer_id AND u.email IS DISTINCT FROM address AND {_NOT_BY_HANDLE}
        ORDER BY u.search_text, u.id LIMIT room;
    END IF;
END
$$;
"""
