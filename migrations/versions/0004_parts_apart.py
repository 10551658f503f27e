"""Find people by parts that stand side by side.

Every part of four characters that a text has, each beginning one character after the one before, says
little more than those that only touch: half as many are looked up in half the time.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_PARTS_APART)
    op.get_bind().exec_driver_sql(_people_with("search_parts_apart(left(part, 24))"))


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_people_with("search_parts(left(part, 24))"))
    op.get_bind().exec_driver_sql("DROP FUNCTION search_parts_apart(text)")


# For a text of four characters or more. The last part ends with the text, and may overlap.
_PARTS_APART = """
CREATE FUNCTION search_parts_apart(part text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    characters CONSTANT integer := char_length(part);
    parts text[] := ARRAY[substr(part, characters - 3)];
BEGIN
    FOR place IN 1 .. characters - 4 BY 4 LOOP
        parts := parts || substr(part, place, 4);
    END LOOP;
    RETURN parts;
END
$$;
"""


def _people_with(parts: str) -> str:
    return f"""
CREATE OR REPLACE FUNCTION people_with_part(
    part text, after_text text, after_id uuid, most integer
) RETURNS SETOF users
LANGUAGE plpgsql STABLE ROWS 200
SET enable_seqscan = off SET enable_indexscan = off SET enable_indexonlyscan = off
AS $$
BEGIN
    RETURN QUERY
    SELECT * FROM users
    WHERE search_parts(search_text) @> {parts}
        AND strpos(search_text, part) > 0 AND NOT starts_with(search_text, part)
        AND email_verified_at IS NOT NULL AND closed_at IS NULL
        AND (after_text IS NULL OR (search_text, id) > (after_text, after_id))
    LIMIT most;
END
$$;
"""
