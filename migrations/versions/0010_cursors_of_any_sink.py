"""Replace the cursors of pushes by cursors of any sink, and find rows that were set aside by their time."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_NEW = """
CREATE TABLE delivery_cursors (
    user_id uuid NOT NULL,
    sink text NOT NULL,
    receiver_id uuid NOT NULL,
    accepted_number bigint DEFAULT 0 NOT NULL,
    CONSTRAINT delivery_cursors_pkey PRIMARY KEY (user_id, sink, receiver_id),
    CONSTRAINT delivery_cursors_accepted_number_not_negative_check CHECK (accepted_number >= 0),
    CONSTRAINT delivery_cursors_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE TABLE delivery_due (
    user_id uuid NOT NULL,
    sink text NOT NULL,
    receiver_id uuid NOT NULL,
    number bigint NOT NULL,
    since timestamptz NOT NULL,
    next_try_at timestamptz NOT NULL,
    CONSTRAINT delivery_due_pkey PRIMARY KEY (user_id, sink, receiver_id),
    CONSTRAINT delivery_due_number_positive_check CHECK (number > 0),
    CONSTRAINT delivery_due_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX delivery_due_next_try_idx ON delivery_due (sink, next_try_at);
INSERT INTO delivery_cursors (user_id, sink, receiver_id, accepted_number)
    SELECT user_id, 'pusher', user_id, pushed_sequence FROM push_cursors;
INSERT INTO delivery_due (user_id, sink, receiver_id, number, since, next_try_at)
    SELECT user_id, 'pusher', user_id, sequence, since, since FROM push_due;
DROP TABLE push_due;
DROP TABLE push_cursors;
DROP INDEX outbox_set_aside_idx;
CREATE INDEX outbox_set_aside_idx ON outbox (set_aside_at, id)
    WHERE published_at IS NULL AND set_aside_at IS NOT NULL
"""
_OLD = """
CREATE TABLE push_cursors (
    user_id uuid NOT NULL,
    pushed_sequence bigint DEFAULT 0 NOT NULL,
    CONSTRAINT push_cursors_pkey PRIMARY KEY (user_id),
    CONSTRAINT push_cursors_pushed_sequence_not_negative_check CHECK (pushed_sequence >= 0),
    CONSTRAINT push_cursors_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE TABLE push_due (
    user_id uuid NOT NULL,
    sequence bigint NOT NULL,
    since timestamptz NOT NULL,
    CONSTRAINT push_due_pkey PRIMARY KEY (user_id),
    CONSTRAINT push_due_sequence_positive_check CHECK (sequence > 0),
    CONSTRAINT push_due_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX push_due_since_idx ON push_due (since);
INSERT INTO push_cursors (user_id, pushed_sequence)
    SELECT user_id, accepted_number FROM delivery_cursors WHERE sink = 'pusher';
INSERT INTO push_due (user_id, sequence, since)
    SELECT user_id, number, since FROM delivery_due WHERE sink = 'pusher';
DROP TABLE delivery_due;
DROP TABLE delivery_cursors;
DROP INDEX outbox_set_aside_idx;
CREATE INDEX outbox_set_aside_idx ON outbox (id)
    WHERE published_at IS NULL AND set_aside_at IS NOT NULL
"""


def upgrade() -> None:
    _run(_NEW)


def downgrade() -> None:
    _run(_OLD)


def _run(commands: str) -> None:
    # One command per call, as a cluster wants it.
    for command in commands.split(";"):
        op.get_bind().exec_driver_sql(command)
