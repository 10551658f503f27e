"""Random documents and variables for a schema, mostly valid and some invalid."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    GraphQLUnionType,
    OperationType,
    get_named_type,
    is_abstract_type,
    is_composite_type,
)

#: A scalar in JSON for an argument or input field, by its name and the name of its type.
Values = Callable[[random.Random, str, str], Any]
_MISSING = object()
#: Mostly no value of the type; of some it is one, or the last that is.
_WRONG = (
    None, 1, 2**31, -(2**31), 2**40, "x", [], [None], {}, {"unknown": 1}, {"x": None}, 1.0, 1.5, True,
    "RED", "red",
)  # fmt: skip


class Document:
    """One operation with its fragments, and the variables it is sent with."""

    def __init__(
        self,
        schema: GraphQLSchema,
        seed: object,
        values: Values,
        *,
        operation: str = "query",
        roots: frozenset[str] | None = None,
        omitted: frozenset[str] = frozenset(),
        depth: int = 4,
    ) -> None:
        self._schema = schema
        self._random = random.Random(repr(seed))
        self._values = values
        self._roots, self._omitted = roots, omitted
        self._definitions: dict[str, str] = {}
        self._fragments: dict[str, str] = {}
        self.variables: dict[str, Any] = {}
        root = schema.get_root_type(OperationType(operation))
        assert root is not None
        if operation == "subscription":
            selection = self._single(root, depth)
        else:
            selection = self._selection(root, depth, roots)
        declared = ", ".join(f"${name}: {text}" for name, text in self._definitions.items())
        head = f"{operation} Generated{f'({declared})' if declared else ''}"
        self.text = "\n".join([f"{head} {selection}", *self._fragments.values()])

    # ------------------------------------------------ selections

    def _selection(self, kind: Any, depth: int, roots: frozenset[str] | None = None) -> str:
        parts = []
        for _ in range(self._random.randint(1, 5)):
            match self._random.randrange(10):
                case 0:
                    parts.append(self._directed("__typename"))
                case 1 if depth > 1:
                    parts.append(self._fragment(kind, depth - 1, roots))
                case 2 if depth > 1:
                    inner = self._selection(kind, depth - 1, roots)
                    parts.append(f"{self._directed('...')} {inner}")
                case _ if isinstance(kind, GraphQLUnionType) or (
                    isinstance(kind, GraphQLInterfaceType) and self._random.random() < 0.4
                ):
                    parts.append(self._condition(kind, depth))
                case _:
                    parts.append(self._field(kind, depth, roots))
        if self._random.random() < 0.2:
            parts.append(self._random.choice(parts))
        return "{ " + " ".join(part for part in parts if part) + " __typename }"

    def _single(self, root: Any, depth: int) -> str:
        """One field, which is all that a subscription may have; now and then behind fragments."""
        field = self._field(root, depth, self._roots)
        match self._random.randrange(5):
            case 0:
                return f"{{ ... {{ {field} }} }}"
            case 1:
                self._fragments["Root"] = f"fragment Root on {root.name} {{ {field} }}"
                return f"{{ ...Root ... on {root.name} {{ ...Root }} }}"
            case 2:
                return f"{{ {field} {field} }}"
        return f"{{ {field} }}"

    def _condition(self, kind: Any, depth: int) -> str:
        other = self._random.choice(list(self._schema.get_possible_types(kind)))
        near = [*other.interfaces, other]
        chosen = self._random.choice(near)
        return f"{self._directed(f'... on {chosen.name}')} {self._selection(chosen, depth - 1)}"

    def _fragment(self, kind: Any, depth: int, roots: frozenset[str] | None) -> str:
        again = [
            name
            for name, text in self._fragments.items()
            if text.startswith(f"fragment {name} on {kind.name} ")
        ]
        if again and self._random.random() < 0.3:
            return self._directed(f"...{self._random.choice(again)}")
        on = kind
        if is_abstract_type(kind) and self._random.random() < 0.6:
            on = self._random.choice(list(self._schema.get_possible_types(kind)))
        name = f"Fragment{len(self._fragments)}"
        self._fragments[name] = ""
        selection = self._selection(on, depth, roots if on is kind else None)
        self._fragments[name] = f"fragment {name} on {on.name} {selection}"
        return self._directed(f"...{name}")

    def _field(self, kind: Any, depth: int, roots: frozenset[str] | None) -> str:
        fields: Mapping[str, GraphQLField] = kind.fields
        names = [
            name
            for name, field in fields.items()
            if (roots is None or name in roots)
            and name not in self._omitted
            and (depth > 0 or not is_composite_type(get_named_type(field.type)))
        ]
        if not names:
            return "__typename"
        name = self._random.choice(names)
        field = fields[name]
        given = self._arguments(field)
        # Without an alias two fields of one name need the same arguments: mostly they have none.
        alias = ""
        if given or self._random.random() < 0.25:
            alias = f"{self._random.choice('abcdefgh')}{self._random.randrange(1000)}: "
        elif self._random.random() < 0.05:
            # Beside another of that name, of another type of a union, both may answer by it.
            alias = "same: "
        below = ""
        named = get_named_type(field.type)
        if is_composite_type(named):
            below = " " + self._selection(named, depth - 1)
        return self._directed(f"{alias}{name}{given}") + below

    def _directed(self, text: str) -> str:
        if self._random.random() > 0.15:
            return text
        names = self._random.choice([["skip"], ["include"], ["include", "skip"]])
        return " ".join([text, *(self._directive(name) for name in names)])

    def _directive(self, name: str) -> str:
        value = self._random.choice(["true", "false"])
        if self._random.random() < 0.5:
            required = self._random.random() < 0.6
            shown = "Boolean!" if required else f"Boolean = {value}"
            sent = self._random.choice([True, False, _MISSING if not required else True])
            if self._random.random() < 0.03:
                sent = None
            value = self._variable(shown, sent)
        return f"@{name}(if: {value})"

    # ------------------------------------------------ arguments

    def _arguments(self, field: GraphQLField) -> str:
        parts = []
        for name, argument in field.args.items():
            required = isinstance(argument.type, GraphQLNonNull)
            if not required and self._random.random() < 0.5:
                continue
            parts.append(f"{name}: {self._argument(argument.type, name)}")
        return f"({', '.join(parts)})" if parts else ""

    def _argument(self, kind: Any, name: str) -> str:
        if self._random.random() < 0.6:
            return self._as_variable(kind, name)
        return self._literal(kind, name)

    def _as_variable(self, kind: Any, name: str) -> str:
        sent = self._json(kind, name)
        shown = str(kind)
        if not isinstance(kind, GraphQLNonNull):
            if self._random.random() < 0.2:
                shown = f"{shown} = {self._literal(kind, name, constant=True)}"
                sent = self._random.choice([sent, _MISSING])
            else:
                sent = self._random.choice([sent, sent, _MISSING, None])
                if self._random.random() < 0.2:
                    shown = f"{shown}!"
        return self._variable(shown, sent)

    def _variable(self, shown: str, sent: Any) -> str:
        name = f"v{len(self._definitions)}"
        self._definitions[name] = shown
        if sent is not _MISSING and self._random.random() > 0.02:
            self.variables[name] = sent
        return f"${name}"

    def _literal(
        self, kind: Any, name: str, *, constant: bool = False, nullable: bool = True
    ) -> str:
        if isinstance(kind, GraphQLNonNull):
            return self._literal(kind.of_type, name, constant=constant, nullable=False)
        if not constant and self._random.random() < 0.15:
            return self._as_variable(kind, name)
        if nullable and self._random.random() < 0.1:
            return "null"
        if isinstance(kind, GraphQLList):
            if self._random.random() < 0.2:
                return self._literal(kind.of_type, name, constant=constant)
            count = self._random.randrange(3)
            items = [self._literal(kind.of_type, name, constant=constant) for _ in range(count)]
            return f"[{', '.join(items)}]"
        if isinstance(kind, GraphQLInputObjectType):
            fields = [
                f"{key}: {self._literal(field.type, key, constant=constant)}"
                for key, field in kind.fields.items()
                if isinstance(field.type, GraphQLNonNull) or self._random.random() < 0.4
            ]
            return "{" + ", ".join(fields[:1] if "Recipient" in kind.name else fields) + "}"
        if isinstance(kind, GraphQLEnumType):
            return self._random.choice(list(kind.values))
        return json.dumps(self._values(self._random, name, kind.name))

    def _json(self, kind: Any, name: str) -> Any:
        if self._random.random() < 0.03:
            return self._random.choice(_WRONG)
        if isinstance(kind, GraphQLNonNull):
            return self._json(kind.of_type, name)
        if isinstance(kind, GraphQLList):
            if self._random.random() < 0.2:
                return self._json(kind.of_type, name)
            return [self._json(kind.of_type, name) for _ in range(self._random.randrange(4))]
        if isinstance(kind, GraphQLInputObjectType):
            return {
                key: self._json(field.type, key)
                for key, field in kind.fields.items()
                if isinstance(field.type, GraphQLNonNull) or self._random.random() < 0.5
            }
        if isinstance(kind, GraphQLEnumType):
            return self._random.choice(list(kind.values))
        return self._values(self._random, name, kind.name)
