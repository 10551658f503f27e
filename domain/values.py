"""Values: dataclasses whose objects never change. Type checkers refuse assignments to their fields.

Python would refuse them too with `frozen=True`, but then creates each object with a call per field, in three
to four times the time. That is for classes of which a request creates several objects.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(of: type[T]) -> type[T]:
    """Make the class a dataclass with slots, hashed and compared by its fields."""
    return dataclass(slots=True, unsafe_hash=True)(of)
