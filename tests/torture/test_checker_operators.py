"""The checker finds what is wrong with reversals by operators, and nothing in a correct run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest

from torture import checker_operators
from torture.ledgers import AccountLedger, Entry, Ledgers, OperatedRow
from torture.operators import DONE
from torture.record import Record
from torture.record_operators import AskedReversal, Decision

OLIVIA, OSCAR, BETA = UUID(int=1), UUID(int=2), UUID(int=3)
PAID, REVERSAL = UUID(int=11), UUID(int=12)


class Run:
    """Olivia proposed to reverse 2.50, and Oscar approved it."""

    def __init__(self) -> None:
        decision = Decision(OSCAR, True, DONE, "DONE")
        self.asked = AskedReversal(
            OLIVIA, PAID, 250, "a-key", 1.0, 2.0, DONE, "id", "PROPOSED", decisions=[decision]
        )
        self.row = OperatedRow(OLIVIA, "a-key", PAID, 250, "DONE", REVERSAL, OSCAR)
        self.entry = Entry(2, REVERSAL, "reversal", False, 250, 0, None, None, 0, 60, None, PAID)

    def check(self) -> list[str]:
        ledger = AccountLedger(BETA, 0, 2, entries=[self.entry])
        ledgers = Ledgers(users={BETA: ledger}, operated=[self.row] if self.row else [])
        record = Record(seed=7, reversals=[self.asked])
        return [each.sentence for each in checker_operators.check(record, ledgers)]


def test_a_correct_run_breaks_nothing() -> None:
    assert Run().check() == []


def change(what: str, **values: object) -> Callable[[Run], None]:
    def changed(run: Run) -> None:
        setattr(run, what, replace(getattr(run, what), **values))

    return changed


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (change("asked", key="another"), "No operator requested it"),
        (change("asked", answer="NotReversible"), "and it is stored"),
        (lambda run: setattr(run, "row", None), "and it is not stored"),
        (change("row", amount_minor=251), "another input"),
        (change("row", reversal=UUID(int=13)), "not in the ledgers"),
        (change("row", reversal=UUID(int=13)), "No action of an operator"),
        (change("row", decided_by=OLIVIA), "was told that it is DONE"),
        (change("row", status="REJECTED"), "was told that it is DONE"),
        (change("asked", reversal=PAID), "was posted"),
        (change("asked", decisions=[Decision(OLIVIA, True, DONE, "DONE")]), "who proposed it"),
    ],
)
def test_what_is_wrong_is_found(broken: Callable[[Run], None], sentence: str) -> None:
    run = Run()
    broken(run)
    assert any(sentence in each for each in run.check())
