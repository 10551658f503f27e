"""Checks stored webhooks: their documents against the schema of this release, and their secrets."""

from __future__ import annotations

from typing import Literal

from app.webhook_documents import WebhookDocuments
from persistence.engine.database import Database
from persistence.webhooks import deliveries, secrets, webhooks
from settings import Settings

State = Literal["ok", "note", "bad"]
_NAMED = 5


async def examine(database: Database, settings: Settings) -> list[tuple[State, str]]:
    """How the webhooks are, each with what to do about it."""
    findings: list[tuple[State, str]] = []
    # They are checked, not executed: the limits do not matter, and those that are set may be wrong.
    served = WebhookDocuments(None)
    stored = await webhooks.documents(database)
    broken = [each for each in stored if served.problem(each.stream, each.document) is not None]
    if broken:
        count = sum(each.webhooks for each in broken)
        some = [str(webhook_id) for each in broken for webhook_id in each.some][:_NAMED]
        findings.append(
            (
                "bad",
                f"This release cannot execute the documents of {count}, whose deliveries fail until their "
                f"owners change them: {', '.join(some)}{' …' if count > len(some) else ''}",
            )
        )
    keys = secrets.keyring(settings.jwt_secrets)
    by_key = await secrets.count_by_key(database)
    unknown = sum(count for key_id, count in by_key.items() if key_id not in keys.key_ids)
    if unknown:
        findings.append(
            (
                "bad",
                f"{unknown} signing secrets are encrypted with a JWT_SECRET that is not set any more: add it "
                "behind the present one, separated by a comma.",
            )
        )
    former = sum(by_key.values()) - unknown - by_key.get(keys.key_id, 0)
    if former:
        findings.append(
            (
                "note",
                f"{former} signing secrets are still encrypted with a former JWT_SECRET. Keep it: the relay "
                "encrypts them with the present one within minutes.",
            )
        )
    if not findings:
        failing = await deliveries.count_failing(database)
        total = sum(each.webhooks for each in stored)
        findings.append(("ok", f"{total}, of which {failing} wait for another attempt"))
    return findings
