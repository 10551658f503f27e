"""The audit of the epoch of the event streams."""

from __future__ import annotations

from persistence.audit.checks import Check

_EPOCH = """
SELECT 'epoch' AS key, format('There are %s epochs instead of one.', count(*)) AS sentence
FROM stream_epoch HAVING count(*) <> 1
"""

CHECKS = (Check("the epoch of the streams", "stream_epoch", _EPOCH),)
