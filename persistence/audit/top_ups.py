"""The audit of top-ups: each is one entry."""

from __future__ import annotations

from persistence.audit.checks import KindAudit

AUDIT = KindAudit(
    agree="entries = 1", sentence="format('This reference is on %s top-ups.', entries)"
)
