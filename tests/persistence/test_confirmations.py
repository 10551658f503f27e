"""Confirmations in ledger commits: looked up and used up for many commands at once, and once each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import psycopg
import pytest

from domain import ids
from domain.ledger.confirmations import Declared, PaidBefore, Subject, Unconfirmed
from domain.ledger.send_money import SendMoney
from domain.people.second_factors import InvalidSecondFactor, SecondFactor, VerifiedFactor
from persistence.ledger.ledger import Movement
from tests.books import Books, Someone, sending

pytestmark = pytest.mark.anyio

_STORE = {
    SecondFactor.TOTP: (
        "INSERT INTO totp_factors (user_id, id, key_id, encrypted, last_step, created_at) "
        "VALUES (%s, %s, '\\x0000000000000000', '\\x00', 76, now())"
    ),
    SecondFactor.PASSKEY: (
        "INSERT INTO passkeys (user_id, id, credential_id, public_key, counter, transports, name, "
        "created_at) VALUES (%s, %s, '\\x01', '\\x01', 4, '{}', 'phone', now())"
    ),
    SecondFactor.RECOVERY_CODE: (
        "INSERT INTO recovery_codes (user_id, id, code_hash, created_at) "
        "VALUES (%s, %s, decode(repeat('00', 32), 'hex'), now())"
    ),
}
_USED = {
    SecondFactor.TOTP: ("SELECT last_step FROM totp_factors WHERE user_id = %s", 77),
    SecondFactor.PASSKEY: ("SELECT counter FROM passkeys WHERE user_id = %s", 5),
    SecondFactor.RECOVERY_CODE: (
        "SELECT count(used_at) FROM recovery_codes WHERE user_id = %s",
        1,
    ),
}


@dataclass
class Owner:
    """A user with money and a second factor, which every transfer above 1.00 needs."""

    books: Books
    someone: Someone
    kind: SecondFactor
    factor_id: UUID

    def confirmed(self, command: SendMoney) -> SendMoney:
        """The command with a correct answer to a challenge of its own."""
        assert command.recipient_id is not None
        challenge_id, user_id = ids.new_id(), self.someone.user_id
        amount_minor = int(command.amount * 100)
        subject = Subject(command.recipient_id, amount_minor, command.idempotency_key)
        self.books.connection.execute(
            "INSERT INTO second_factor_challenges (user_id, id, purpose, secret_hash, binding, "
            "created_at, expires_at) VALUES (%s, %s, 'transfer', %s, %s, now(), now() + interval '5 min')",
            [user_id, challenge_id, bytes(32), subject.binding],
        )
        factor: dict[SecondFactor, dict[str, Any]] = {
            SecondFactor.TOTP: {"totp_id": self.factor_id, "totp_step": 77},
            SecondFactor.PASSKEY: {"passkey_id": self.factor_id, "passkey_counter": 5},
            SecondFactor.RECOVERY_CODE: {"recovery_code_id": self.factor_id},
        }
        verified = VerifiedFactor(user_id, self.kind, challenge_id, **factor[self.kind])
        paid = PaidBefore(user_id, command.recipient_id)
        return replace(command, confirmation=Declared(True, verified, paid=paid))

    def used(self) -> bool:
        statement, state = _USED[self.kind]
        found = self.books.connection.execute(statement, [self.someone.user_id]).fetchone()
        return found == (state,)


async def owner(books: Books, kind: SecondFactor) -> Owner:
    someone, factor_id = books.join(kind.value), ids.new_id()
    await books.add(someone, "100")
    books.connection.execute(_STORE[kind], [someone.user_id, factor_id])
    if kind is SecondFactor.RECOVERY_CODE:
        # Recovery codes are of an account with another factor.
        books.connection.execute(_STORE[SecondFactor.TOTP], [someone.user_id, ids.new_id()])
    books.connection.execute(
        "UPDATE users SET confirm_above = 100 WHERE id = %s", [someone.user_id]
    )
    return Owner(books, someone, kind, factor_id)


async def test_the_confirmations_of_a_shared_commit_are_used_up_together(books: Books) -> None:
    beta, known = books.join("Beta"), books.join("Known")
    owners = [await owner(books, kind) for kind in SecondFactor]
    first = [each.confirmed(sending(each.someone, beta, "2")) for each in owners]
    # With the same answer, in the same commit.
    again = [each.confirmed(sending(each.someone, beta, "3")) for each in owners]
    asking = replace(
        sending(owners[0].someone, known, "1"),
        confirmation=Declared(paid=PaidBefore(owners[0].someone.user_id, known.user_id)),
    )
    other = sending(beta, known, "0.01")
    results = await books.ledger.settle([*first, *again, asking, other])
    assert [type(each) for each in results] == [
        *[Movement] * 3,
        *[InvalidSecondFactor] * 3,
        Unconfirmed,
        Movement,
    ]
    assert all(each.used() for each in owners)
    unused = books.connection.execute(
        "SELECT count(*) FROM second_factor_challenges WHERE used_at IS NULL"
    ).fetchone()
    assert unused == (3,)
    # The first payments were made: the next small ones need nothing.
    small = replace(
        sending(owners[0].someone, beta, "1"),
        confirmation=Declared(paid=PaidBefore(owners[0].someone.user_id, beta.user_id)),
    )
    assert isinstance((await books.ledger.settle([small]))[0], Movement)
    assert books.balances(beta) == [3 * 200 + 100 - 1]
    await books.assert_clean()


async def test_an_answer_lost_after_the_commit_is_replayed_without_another_confirmation(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, beta = await owner(books, SecondFactor.TOTP), books.join("Beta")
    command = alpha.confirmed(sending(alpha.someone, beta, "2"))
    from persistence.engine import pipeline

    real, losses = pipeline.round_trip, []

    async def losing(connection: psycopg.AsyncConnection, statements: list[Any]) -> object:
        answer = await real(connection, statements)
        if statements[-1] == (b"COMMIT", ()) and not losses:
            losses.append(answer)
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return answer

    monkeypatch.setattr(pipeline, "round_trip", losing)
    moved = await books.ledger.move(command)
    assert (bool(losses), moved.replayed, alpha.used()) == (True, True, True)
    without = await books.ledger.move(replace(command, confirmation=None))
    assert (without.replayed, without.entry) == (True, moved.entry)
    assert books.balances(alpha.someone, beta) == [9_800, 200]
