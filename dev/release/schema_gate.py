"""Says which changes of the schema can break a client, and which of them the changelog does not announce."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    is_required_argument,
    is_required_input_field,
    parse,
    validate,
)
from graphql.utilities.find_schema_changes import (
    BreakingChangeType,
    DangerousChangeType,
    SafeChangeType,
    SchemaChange,
    find_schema_changes,
)

#: How long what is deprecated is served at least, in months.
NOTICE_MONTHS = 3
_DATE = r"(\d{4}-\d{2}-\d{2})"
_SINCE, _UNTIL = re.compile(rf"\bsince {_DATE}\b"), re.compile(rf"\buntil {_DATE}\b")
#: What graphql-core's descriptions of changes are about; the first that matches names it.
_SUBJECTS = (
    (re.compile(r"^(\w+) was (?:added to|removed from) union type (\w+)\.$"), r"\2 = \1"),
    (re.compile(r"^(\w+) added to interfaces implemented by (\w+)\.$"), r"\2 implements \1"),
    (re.compile(r"^(\w+) no longer implements interface (\w+)\.$"), r"\1 implements \2"),
    (re.compile(r"^\w+ was removed from (@\w+)\.$"), r"\1"),
    (re.compile(r"^Standard scalar (\w+) was removed"), r"\1"),
    (re.compile(r"(@?\w+(?:\.\w+)?\(\w+:\))"), r"\1"),
    (re.compile(r"(\w+\.\w+)"), r"\1"),
    (re.compile(r"(@\w+)"), r"\1"),
    (re.compile(r"^(\w+) (?:was|changed)"), r"\1"),
)
Deprecable = GraphQLField | GraphQLArgument | GraphQLInputField | GraphQLEnumValue


class Severity(IntEnum):
    """What a change means to a client, and with it the part of the version that must increase."""

    ADDITION = 1
    #: It can break a client that relies on a default or on knowing all members and values.
    DANGEROUS = 2
    BREAKING = 3


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between the released and the present schema."""

    #: What the changelog calls it: `Type.field`, `Type.field(argument:)`, `Union = Member`, ….
    subject: str
    severity: Severity
    says: str


def changes(released: GraphQLSchema, present: GraphQLSchema) -> list[Change]:
    """All differences except for descriptions, in the order of graphql-core."""
    found = [
        _change(each, present)
        for each in find_schema_changes(released, present)
        if each.type is not SafeChangeType.DESCRIPTION_CHANGED
    ]
    return [*found, *_changed_roots(released, present), *_closed_inputs(released, present)]


def unannounced(found: Collection[Change], announced: Collection[str]) -> list[str]:
    """A sentence for each change that can break a client and that no announcement names, and for
    each announcement of a change that there is not.
    """
    risky = [change for change in found if change.severity >= Severity.DANGEROUS]
    subjects = {change.subject for change in risky}
    return [
        *(
            f"{change.says} It can break clients. Undo it, or announce it in CHANGELOG.md, in the "
            f'section "API changes" under Unreleased: "- `{change.subject}`: what clients do now."'
            for change in risky
            if change.subject not in announced
        ),
        *(
            f"CHANGELOG.md announces `{subject}` under Unreleased, which has not changed in a way "
            "that can break clients."
            for subject in announced
            if subject not in subjects
        ),
    ]


def broken_documents(documents: Mapping[str, Collection[str]], present: GraphQLSchema) -> list[str]:
    """A sentence for each released document that the present schema refuses. `documents` by origin.

    No announcement helps: pages that are open and installed libraries keep sending them.
    """
    return [
        f"A released document of {origin} is not valid any more: {problem.message} Release clients "
        "that do without, and remove it in a later release."
        for origin, texts in documents.items()
        for text in texts
        for problem in validate(present, parse(text))
    ]


def deprecation_problems(
    present: GraphQLSchema, released: GraphQLSchema | None, today: date
) -> list[str]:
    """A sentence for each deprecation without the dates that clients need, or that ended too early.

    A reason says since when something is deprecated and until when it is served at least.
    """
    before = {} if released is None else dict(_deprecable(released))
    now = dict(_deprecable(present))
    problems = []
    for place, element in now.items():
        if element.deprecation_reason is None:
            continue
        dates = _dates(element.deprecation_reason)
        if dates is None:
            problems.append(
                f"The deprecation of {place} lacks dates: end its reason with “Deprecated since "
                "YYYY-MM-DD, served until YYYY-MM-DD at least.”"
            )
        elif dates[1] < _months_later(dates[0], NOTICE_MONTHS):
            problems.append(
                f"The deprecation of {place} ends on {dates[1]}, less than {NOTICE_MONTHS} months "
                f"after its start on {dates[0]}."
            )
    for place, element in before.items():
        promised = _dates(element.deprecation_reason or "")
        if promised is None:
            continue
        if place not in now:
            if promised[1] > today:
                problems.append(
                    f"{place} was released with the promise to serve it until {promised[1]}."
                )
            continue
        kept = _dates(now[place].deprecation_reason or "")
        if kept and kept[1] < promised[1]:
            problems.append(
                f"The deprecation of {place} was released with the end {promised[1]}, which is now "
                f"{kept[1]}."
            )
    return problems


def _change(change: SchemaChange, present: GraphQLSchema) -> Change:
    subject = next(
        match.expand(template)
        for pattern, template in _SUBJECTS
        if (match := pattern.search(change.description))
    )
    match change.type:
        case BreakingChangeType():
            severity = Severity.BREAKING
        case DangerousChangeType():
            # Without its default, an argument that is not null must be given.
            is_required = subject in _required(present)
            severity = Severity.BREAKING if is_required else Severity.DANGEROUS
        case _:
            severity = Severity.ADDITION
    return Change(subject, severity, change.description)


def _changed_roots(released: GraphQLSchema, present: GraphQLSchema) -> Iterator[Change]:
    for kind in ("query", "mutation", "subscription"):
        before, now = (getattr(schema, f"{kind}_type") for schema in (released, present))
        if before is not None and (now is None or now.name != before.name):
            name = now.name if now else "nothing"
            says = f"The root type of {kind} operations changed from {before.name} to {name}."
            yield Change(before.name, Severity.BREAKING, says)


def _closed_inputs(released: GraphQLSchema, present: GraphQLSchema) -> Iterator[Change]:
    """Inputs that became `@oneOf`, which graphql-core does not report."""
    for name, before in released.type_map.items():
        now = present.type_map.get(name)
        if isinstance(before, GraphQLInputObjectType) and isinstance(now, GraphQLInputObjectType):
            if now.is_one_of and not before.is_one_of:
                yield Change(name, Severity.BREAKING, f"{name} takes exactly one field now.")
            elif before.is_one_of and not now.is_one_of:
                yield Change(name, Severity.DANGEROUS, f"{name} takes more than one field now.")


def _required(schema: GraphQLSchema) -> set[str]:
    return {
        place
        for place, element in _deprecable(schema)
        if (isinstance(element, GraphQLArgument) and is_required_argument(element))
        or (isinstance(element, GraphQLInputField) and is_required_input_field(element))
    }


def _deprecable(schema: GraphQLSchema) -> Iterator[tuple[str, Deprecable]]:
    """Everything that can be deprecated, by its schema coordinate."""
    for name, type_ in schema.type_map.items():
        if name.startswith("__"):
            continue
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, field in type_.fields.items():
                yield f"{name}.{field_name}", field
                for argument_name, argument in field.args.items():
                    yield f"{name}.{field_name}({argument_name}:)", argument
        elif isinstance(type_, GraphQLInputObjectType):
            for field_name, input_field in type_.fields.items():
                yield f"{name}.{field_name}", input_field
        elif isinstance(type_, GraphQLEnumType):
            for value_name, value in type_.values.items():
                yield f"{name}.{value_name}", value
    for directive in schema.directives:
        for argument_name, argument in directive.args.items():
            yield f"@{directive.name}({argument_name}:)", argument


def _dates(reason: str) -> tuple[date, date] | None:
    since, until = _SINCE.search(reason), _UNTIL.search(reason)
    if since is None or until is None:
        return None
    try:
        return date.fromisoformat(since[1]), date.fromisoformat(until[1])
    except ValueError:
        return None


def _months_later(start: date, months: int) -> date:
    year, month = divmod(start.month - 1 + months, 12)
    first = date(start.year + year, month + 1, 1)
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return first.replace(day=min(start.day, (following - first).days))
