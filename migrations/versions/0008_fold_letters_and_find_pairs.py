"""Find people by two characters of a Chinese, Japanese or Korean name, and let search texts be rewritten.

A text in those scripts has no spaces, so that two characters in its midst were neither the beginning of
a word nor long enough for a trigram. `./wallet migrate` rewrites search texts afterwards, in batches
(persistence/people/refolding.py), and rebuilds the index of parts.
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_FOUR = "char_length(wanted) >= 4"
_FOUR_OR_A_PAIR = f"{_FOUR} OR (char_length(wanted) = 2 AND search_parts(wanted) <> '{{}}')"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_SEARCH_PARTS_AND_PAIRS)
    _replace_in_find_people(_FOUR, _FOUR_OR_A_PAIR)
    op.get_bind().exec_driver_sql(_APPEND_ONLY_BUT_FOR_SEALS_AND_SEARCH_TEXTS)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_APPEND_ONLY_BUT_FOR_SEALS)
    _replace_in_find_people(_FOUR_OR_A_PAIR, _FOUR)
    op.get_bind().exec_driver_sql(_SEARCH_PARTS)
    op.get_bind().exec_driver_sql("REINDEX INDEX users_search_parts_idx")
    op.get_bind().exec_driver_sql("COMMENT ON INDEX users_search_text_idx IS NULL")


def _replace_in_find_people(old: str, new: str) -> None:
    connection = op.get_bind()
    definition = connection.exec_driver_sql(
        "SELECT pg_get_functiondef('find_people'::regproc)"
    ).scalar_one()
    assert definition.count(f"IF {old} THEN") == 1
    connection.exec_driver_sql(definition.replace(f"IF {old} THEN", f"IF {new} THEN"))


_PARTS_OF_FOUR = """
    FOR place IN 1 .. char_length(search_text) - 3 LOOP
        parts := parts || substr(search_text, place, 4);
    END LOOP;
"""

_SEARCH_PARTS = f"""
CREATE OR REPLACE FUNCTION search_parts(search_text text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    parts text[] := '{{}}';
BEGIN
{_PARTS_OF_FOUR}
    RETURN parts;
END
$$;
"""

# Hangul as the letters (jamo) that NFKD makes of it, kana, bopomofo and Han with its iteration marks.
_IDEOGRAPHIC = (
    r"[\u1100-\u11ff\u3005-\u3007\u3040-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_SEARCH_PARTS_AND_PAIRS = f"""
CREATE OR REPLACE FUNCTION search_parts(search_text text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    parts text[] := '{{}}';
BEGIN
{_PARTS_OF_FOUR}
    IF search_text ~ '{_IDEOGRAPHIC}{{2}}' THEN
        FOR place IN 1 .. char_length(search_text) - 1 LOOP
            IF substr(search_text, place, 2) ~ '{_IDEOGRAPHIC}{{2}}' THEN
                parts := parts || substr(search_text, place, 2);
            END IF;
        END LOOP;
    END IF;
    RETURN parts;
END
$$;
"""

# What a note is found by follows from the note, as a seal does from its line: the audit holds one against
# the other. So it may be rewritten where somebody says that this is what they are about; the note may not.
_APPEND_ONLY_BUT_FOR_SEALS_AND_SEARCH_TEXTS = """
CREATE OR REPLACE FUNCTION refuse_change_of_books() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    rewritten record;
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('mini_wallet.resealing', true) = 'on' THEN
        rewritten := OLD;
        rewritten.seal := NEW.seal;
        IF rewritten IS NOT DISTINCT FROM NEW THEN
            RETURN NEW;
        END IF;
    END IF;
    IF TG_OP = 'UPDATE' AND current_setting('mini_wallet.refolding', true) = 'on' THEN
        rewritten := OLD;
        rewritten.note_search_text := NEW.note_search_text;
        IF rewritten IS NOT DISTINCT FROM NEW THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'The books are append-only: correct a movement by another movement.'
        USING ERRCODE = 'restrict_violation';
END
$$;
"""

_APPEND_ONLY_BUT_FOR_SEALS = """
CREATE OR REPLACE FUNCTION refuse_change_of_books() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    resealed record;
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('mini_wallet.resealing', true) = 'on' THEN
        resealed := OLD;
        resealed.seal := NEW.seal;
        IF resealed IS NOT DISTINCT FROM NEW THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'The books are append-only: correct a movement by another movement.'
        USING ERRCODE = 'restrict_violation';
END
$$;
"""
