"""Pays everyone in a CSV file, once: it can be killed at any line and started again.

The key of each payment is derived from the name of the payroll and from the payment's own, so it is the
same at every start. What was paid already is answered, not paid again. There is no other state.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from mini_wallet_client import MoneySent, OutcomeUnknown, Recipient, Wallet, WalletError

#: The rate limit for recipients given by address may ask for a minute's pause.
GIVE_UP_AFTER_SECONDS = 300
COLUMNS = {"payment", "email", "amount", "note"}


@dataclass(frozen=True)
class Payment:
    """One line of the file."""

    name: str
    email: str
    amount: str
    note: str

    def key(self, payroll: str) -> str:
        """The payment's idempotency key."""
        return hashlib.sha256(f"{payroll}\n{self.name}".encode()).hexdigest()[:40]


def read(file: Path) -> list[Payment]:
    """The payments of a file with the columns payment, email, amount and note."""
    with file.open(newline="", encoding="utf-8-sig") as text:
        lines = csv.DictReader(text)
        if missing := COLUMNS - {*(lines.fieldnames or ())}:
            raise SystemExit(f"The file lacks the columns {', '.join(sorted(missing))}.")
        payments = [
            Payment(line["payment"], line["email"], line["amount"], line["note"]) for line in lines
        ]
    names = [payment.name for payment in payments]
    # Two payments of the same name would have the same key, and the second would not be made.
    if repeated := {name for name in names if names.count(name) > 1 or not name}:
        raise SystemExit(f"Each payment needs a name of its own: {', '.join(sorted(repeated))}")
    for payment in payments:
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", payment.amount):
            raise SystemExit(f"{payment.name}: {payment.amount!r} is not an amount.")
    return payments


def pay(wallet: Wallet, payment: Payment, payroll: str) -> bool:
    """Make one payment, unless an earlier start did; whether it is made."""
    try:
        result = wallet.send_money(
            Recipient.email(payment.email),
            payment.amount,
            note=payment.note or None,
            key=payment.key(payroll),
            metadata={"payroll": payroll, "payment": payment.name},
            give_up_after_seconds=GIVE_UP_AFTER_SECONDS,
        )
    except OutcomeUnknown as error:
        tell(f"{payment.name}: {error}")
        return False
    if isinstance(result, MoneySent):
        when = "paid already" if result.replayed else "paid"
        tell(f"{payment.name}: {when}, {result.transaction.amount}, {result.transaction.reference}")
        return True
    tell(f"{payment.name}: not paid. {result.message}")
    return False


def tell(text: str) -> None:
    """Print a line at once, also into a file or a pipe."""
    print(text, flush=True)


def main() -> int:
    """Exit status 0 if all payments are made; otherwise correct what was refused and start again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "payroll", help="a name for this payroll, such as 2026-11: new name, new payments"
    )
    parser.add_argument("file", type=Path, help="CSV with the columns payment, email, amount, note")
    given = parser.parse_args()
    payments = read(given.file)
    with Wallet(os.environ["WALLET_URL"], token=os.environ["WALLET_TOKEN"]) as wallet:
        try:
            made = [pay(wallet, payment, given.payroll) for payment in payments]
        except WalletError as error:
            raise SystemExit(f"Start again when this is corrected: {error}") from error
    tell(f"{sum(made)} of {len(made)} payments are made.")
    return 0 if all(made) else 1


if __name__ == "__main__":
    sys.exit(main())
