"""The parameters of a call: form-encoded with brackets, read by name, each unknown one refused."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from dev.stripe.refusals import Refusal, missing, unknown

LONGEST_TEXT = 5_000
MOST_METADATA = 50
LONGEST_METADATA_KEY = 40
LONGEST_METADATA_VALUE = 500
DEEPEST = 8
_KEY = re.compile(r"[^\[\]]+")


def parse(text: str) -> dict[str, Any]:
    """`a[b][0][c]=1` as nested dictionaries; `a[]=1` counts on. Raises `Refusal`."""
    values: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        first, *rest = re.split(r"\[([^\[\]]*)\]", name)
        path = [first, *[part for index, part in enumerate(rest) if index % 2 == 0]]
        is_whole = not any(part for index, part in enumerate(rest) if index % 2)
        if not is_whole or not _KEY.fullmatch(first) or len(path) > DEEPEST:
            raise Refusal(f"Invalid parameter name: {name[:100]}", param=name[:100])
        _place(values, path, value, name)
    return values


def _place(values: dict[str, Any], path: list[str], value: str, name: str) -> None:
    for part in path[:-1]:
        values = values.setdefault(part or str(len(values)), {})
        if not isinstance(values, dict):
            raise Refusal(f"Invalid parameter: {name[:100]}", param=name[:100])
    last = path[-1] or str(len(values))
    if isinstance(values.get(last), dict):
        raise Refusal(f"Invalid parameter: {name[:100]}", param=name[:100])
    values[last] = value


class Parameters:
    """One level of the parameters; `finish` refuses those that nothing has read."""

    def __init__(self, values: dict[str, Any], prefix: str = "") -> None:
        self._values = values
        self._prefix = prefix
        self._read: set[str] = set()
        self._parts: list[Parameters] = []

    def name(self, key: str) -> str:
        """The name of a parameter as the caller has written it."""
        return f"{self._prefix}[{key}]" if self._prefix else key

    def _take(self, key: str, required: bool) -> Any:
        self._read.add(key)
        value = self._values.get(key)
        if value in (None, "") and required:
            raise missing(self.name(key))
        return value

    def text(
        self,
        key: str,
        *,
        required: bool = False,
        longest: int = LONGEST_TEXT,
        choices: Iterable[str] = (),
    ) -> str | None:
        value = self._take(key, required)
        if value in (None, ""):
            return None
        if not isinstance(value, str):
            raise Refusal(f"Invalid string: {self.name(key)}", param=self.name(key))
        if len(value) > longest:
            raise Refusal(
                f"Invalid string: {value[:20]}…; must be at most {longest} characters",
                param=self.name(key),
            )
        if choices and value not in choices:
            raise Refusal(
                f"Invalid {self.name(key)}: must be one of {', '.join(choices)}",
                param=self.name(key),
            )
        return value

    def demand(self, key: str, *, longest: int = LONGEST_TEXT) -> str:
        """A text that must be given."""
        value = self.text(key, required=True, longest=longest)
        assert value is not None
        return value

    def whole(
        self, key: str, *, required: bool = False, at_least: int = 0, at_most: int = 10**12
    ) -> int | None:
        value = self._take(key, required)
        if value in (None, ""):
            return None
        name = self.name(key)
        if not isinstance(value, str) or not re.fullmatch(r"-?[0-9]{1,15}", value):
            raise Refusal(
                f"Invalid integer: {str(value)[:40]}", code="parameter_invalid_integer", param=name
            )
        if not at_least <= int(value) <= at_most:
            raise Refusal(
                f"Invalid {name}: must be from {at_least} to {at_most}",
                code="parameter_invalid_integer",
                param=name,
            )
        return int(value)

    def texts(self, key: str) -> list[str]:
        value = self._take(key, required=False)
        if value is None:
            return []
        if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
            raise Refusal(f"Invalid array: {self.name(key)}", param=self.name(key))
        return list(value.values())

    def is_nested(self, key: str) -> bool:
        """Whether a name has parameters below it."""
        return isinstance(self._values.get(key), dict)

    def part(self, key: str, *, required: bool = False) -> Parameters | None:
        """The parameters below a name."""
        value = self._take(key, required)
        if value in (None, ""):
            return None
        if not isinstance(value, dict):
            raise Refusal(f"Invalid object: {self.name(key)}", param=self.name(key))
        part = Parameters(value, self.name(key))
        self._parts.append(part)
        return part

    def items(self, key: str) -> list[Parameters]:
        """The elements of an array of objects."""
        whole = self.part(key)
        if whole is None:
            return []
        elements = [whole.part(index) for index in sorted(whole._values, key=_index)]
        return [element for element in elements if element is not None]

    def metadata(self) -> dict[str, str]:
        value = self._take("metadata", required=False)
        name = self.name("metadata")
        if value in (None, ""):
            return {}
        if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
            raise Refusal(f"Invalid hash: {name}", param=name)
        if len(value) > MOST_METADATA:
            raise Refusal(f"Metadata can have up to {MOST_METADATA} keys", param=name)
        for key, text in value.items():
            if len(key) > LONGEST_METADATA_KEY or len(text) > LONGEST_METADATA_VALUE:
                raise Refusal(
                    f"Metadata keys can have up to {LONGEST_METADATA_KEY} characters and values up "
                    f"to {LONGEST_METADATA_VALUE}",
                    param=f"{name}[{key[:40]}]",
                )
        return {key: text for key, text in value.items() if text}

    def finish(self) -> None:
        """Raises `Refusal` for a parameter that was not read."""
        for key in self._values:
            if key not in self._read:
                raise unknown(self.name(key))
        for part in self._parts:
            part.finish()


def _index(key: str) -> int:
    return int(key) if key.isdigit() else 0
