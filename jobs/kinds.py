"""Kinds of job, and single jobs, as plain data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """A function that workers run. They run no others, whatever a queue asks for."""

    #: The name by which a queued job asks for it.
    name: str
    #: The function's dotted path.
    function: str
    queue: str
    #: How long it may take before it is ended.
    timeout_seconds: int
    #: For how long after its start it is not queued again: afterwards its worker may have been killed.
    under_way_seconds: int
    #: Whether one that is queued while another one runs must run after it: it may find more to do.
    follows_itself: bool = False
    #: What the function is given before the arguments of the job.
    first_arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """A call of a kind's function with plain arguments; one of the same `id` is queued once."""

    id: str
    kind: Kind
    arguments: tuple[str, ...]
