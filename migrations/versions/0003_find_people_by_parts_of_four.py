"""Find people by parts of four characters, in one call.

A trigram of a name is shared by so many others that looking for a name by them takes milliseconds
per million people; four characters are shared by a tenth as many. Shorter texts are still looked for by
trigrams.
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statements in (_SEARCH_PARTS, _PEOPLE_WITH_PART, _FIND_PEOPLE):
        op.get_bind().exec_driver_sql(statements)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(
        """
        DROP FUNCTION find_people(uuid, text, text, text, text, integer, text, uuid, integer, integer);
        DROP FUNCTION people_with_part(text, text, uuid, integer);
        DROP INDEX users_search_parts_idx;
        DROP FUNCTION search_parts(text);
        """
    )


# A loop in PL/pgSQL takes a quarter of the time that a query in SQL does.
_SEARCH_PARTS = """
CREATE FUNCTION search_parts(search_text text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    parts text[] := '{}';
BEGIN
    FOR place IN 1 .. char_length(search_text) - 3 LOOP
        parts := parts || substr(search_text, place, 4);
    END LOOP;
    RETURN parts;
END
$$;
CREATE INDEX users_search_parts_idx ON users USING gin (search_parts(search_text))
    WITH (fastupdate = off)
    WHERE email_verified_at IS NOT NULL AND closed_at IS NULL;
"""

# As `people_containing`, for a part of four characters or more; not by LIKE, for which the planner would
# take the trigrams. The first characters of a long part are enough to find few by.
_PEOPLE_WITH_PART = """
CREATE FUNCTION people_with_part(
    part text, after_text text, after_id uuid, most integer
) RETURNS SETOF users
LANGUAGE plpgsql STABLE ROWS 200
SET enable_seqscan = off SET enable_indexscan = off SET enable_indexonlyscan = off
AS $$
BEGIN
    RETURN QUERY
    SELECT * FROM users
    WHERE search_parts(search_text) @> search_parts(left(part, 24))
        AND strpos(search_text, part) > 0 AND NOT starts_with(search_text, part)
        AND email_verified_at IS NOT NULL AND closed_at IS NULL
        AND (after_text IS NULL OR (search_text, id) > (after_text, after_id))
    LIMIT most;
END
$$;
"""

# One call, and plans that are made once per connection: with a plan for every search, planning would be
# most of the time. Each tier is asked only where those before it leave room. Whoever begins with the text
# stands in the index after the text itself and before the text and the last character that there is.
_FIND_PEOPLE = r"""
CREATE FUNCTION find_people(
    viewer_id uuid, address text, wanted text, containing_pattern text, beginning_pattern text,
    from_rank integer, after_text text, after_id uuid, at_most integer, considered integer
) RETURNS TABLE (
    rank integer, search_text text, id uuid, name text, email text, email_verified_at timestamptz,
    balance bigint, sequence bigint
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
        SELECT 0, u.search_text, u.id, u.name, u.email, u.email_verified_at, u.balance, u.sequence
        FROM email_addresses AS e JOIN users AS u ON u.id = e.user_id
        WHERE e.address = find_people.address
            AND u.email_verified_at IS NOT NULL AND u.closed_at IS NULL AND u.id <> viewer_id;
    END IF;
    IF from_rank <= 1 AND wanted <> '' THEN
        RETURN QUERY
        SELECT 1, u.search_text, u.id, u.name, u.email, u.email_verified_at, u.balance, u.sequence
        FROM users AS u
        WHERE u.search_text = wanted
            AND u.id > CASE from_rank WHEN 1 THEN after_id
                ELSE '00000000-0000-0000-0000-000000000000' END
            AND u.email_verified_at IS NOT NULL AND u.closed_at IS NULL AND u.id <> viewer_id
            AND (address IS NULL OR u.email <> address)
        ORDER BY u.search_text, u.id LIMIT room;
        GET DIAGNOSTICS taken = ROW_COUNT;
        room := room - taken;
    END IF;
    IF from_rank <= 2 AND wanted <> '' AND room > 0 THEN
        RETURN QUERY
        SELECT 2, u.search_text, u.id, u.name, u.email, u.email_verified_at, u.balance, u.sequence
        FROM users AS u
        WHERE (u.search_text, u.id) > (
                CASE from_rank WHEN 2 THEN after_text ELSE wanted END,
                CASE from_rank WHEN 2 THEN after_id ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff' END
            )
            AND u.search_text < wanted || U&'\+10FFFF'
            AND u.email_verified_at IS NOT NULL AND u.closed_at IS NULL AND u.id <> viewer_id
            AND (address IS NULL OR u.email <> address)
        ORDER BY u.search_text, u.id LIMIT room;
        GET DIAGNOSTICS taken = ROW_COUNT;
        room := room - taken;
    END IF;
    IF containing_pattern IS NULL OR room <= 0 THEN
        RETURN;
    END IF;
    IF from_rank < 3 THEN
        after_text := NULL;
        after_id := NULL;
    END IF;
    IF char_length(wanted) >= 4 THEN
        RETURN QUERY
        SELECT 3, u.search_text, u.id, u.name, u.email, u.email_verified_at, u.balance, u.sequence
        FROM people_with_part(wanted, after_text, after_id, considered) AS u
        WHERE u.id <> viewer_id AND (address IS NULL OR u.email <> address)
        ORDER BY u.search_text, u.id LIMIT room;
    ELSE
        RETURN QUERY
        SELECT 3, u.search_text, u.id, u.name, u.email, u.email_verified_at, u.balance, u.sequence
        FROM people_containing(
            containing_pattern, beginning_pattern, after_text, after_id, considered
        ) AS u
        WHERE u.id <> viewer_id AND (address IS NULL OR u.email <> address)
        ORDER BY u.search_text, u.id LIMIT room;
    END IF;
END
$$;
"""
