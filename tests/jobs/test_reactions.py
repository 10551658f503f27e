"""The tables of reactions and sinks are complete, and determine what workers and relays do."""

from __future__ import annotations

import pkgutil
import typing
from collections.abc import AsyncIterator

from domain import events
from jobs import due_work, reactions
from jobs.sinks import table
from persistence.delivery import streams
from tests.conftest import make_settings


def test_every_kind_of_event_has_a_row() -> None:
    assert set(reactions.REACTIONS) == set(typing.get_args(events.Event))


def test_names_of_sinks_and_kinds_are_unique() -> None:
    assert len({sink.name for sink in table.SINKS}) == len(table.SINKS)
    assert len(reactions.KINDS) == len(table.SINKS) + len(due_work.TABLE)


def test_every_sink_has_its_delivery_and_its_jobs_are_allowed() -> None:
    for sink in table.SINKS:
        assert callable(pkgutil.resolve_name(sink.function))
        if sink.deliver:
            delivery = typing.get_type_hints(pkgutil.resolve_name(sink.deliver))
            assert delivery["return"] == AsyncIterator[int]
        assert reactions.KINDS[sink.kind.name] == sink.kind
        assert sink.queue in reactions.QUEUES
        # The audit compares its cursors with the newest number of the stream that its name tells.
        follows_notifications = sink.stream is streams.NOTIFICATIONS
        assert sink.name.endswith(streams.NOTIFICATIONS_SUFFIX) == follows_notifications


def test_due_work_has_its_function_and_its_jobs_are_allowed() -> None:
    for work in due_work.TABLE:
        assert callable(pkgutil.resolve_name(work.kind.function))
        assert reactions.KINDS[work.kind.name] == work.kind


def test_only_configured_sinks_are_delivered_to() -> None:
    # Webhooks need no configuration.
    assert {sink.queue for sink in table.configured(make_settings())} == {"webhooks"}
    assert reactions.queues_of(table.SINKS) == reactions.QUEUES
    assert reactions.queues_of([]) == ("mail", "schedules", "top_ups", "exports")
