"""What a Pusher event says: the same transaction as GraphQL shows it, as JSON."""

from __future__ import annotations

import orjson

from domain import accounts, ids, money, seals, text, transfers


def transaction_posted(
    line: transfers.Line, counterparty: accounts.Person | None, currency: money.Currency
) -> str:
    """The data of `transaction.posted` for the person whose line it is."""

    def amount(amount_minor: int) -> dict[str, str]:
        value = money.Money(amount_minor, currency)
        return {"amount": f"{value.amount:f}", "currency": currency.code}

    return orjson.dumps(
        {
            "sequence": line.sequence,
            "balance": amount(line.balance_after_minor),
            "transaction": {
                "id": ids.global_id("Transaction", line.user_id, line.sequence),
                "reference": str(line.reference),
                "sequence": line.sequence,
                "kind": line.kind.name,
                "direction": line.direction.name,
                "amount": amount(line.amount_minor),
                "fee": amount(line.fee_minor),
                "counterparty": counterparty
                and {
                    "id": ids.global_id("User", counterparty.user_id),
                    "name": counterparty.name,
                    "emailHint": accounts.email_hint(counterparty.email),
                },
                "note": line.note,
                "balanceAfter": amount(line.balance_after_minor),
                "createdAt": text.rfc3339(line.created_at),
                "seal": seals.Receipt.of(line).render(),
            },
        }
    ).decode()
