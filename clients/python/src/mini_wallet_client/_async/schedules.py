"""Transfers that are sent later, once or repeatedly."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import date

from mini_wallet_client import documents, models
from mini_wallet_client._async.base import Part
from mini_wallet_client.inputs import Confirmation, confirmation_input, id_of, recipient
from mini_wallet_client.values import Amount, exact, new_key


class Schedules(Part):
    """Scheduled transfers of one wallet."""

    async def schedule_transfer(
        self,
        to: models.Recipient | models.User,
        amount: Amount,
        starts_on: date,
        *,
        every: models.RecurrenceUnit | models.Recurrence | None = None,
        ends_on: date | None = None,
        note: str | None = None,
        key: str | None = None,
        confirmation: Confirmation | None = None,
        give_up_after_seconds: float | None = None,
    ) -> models.ScheduleTransferResult:
        """Have an amount sent on that date, or from then on `every` DAY, WEEK, MONTH or YEAR.

        Every two weeks is `Recurrence(unit=RecurrenceUnit.WEEK, interval=2)`. A key never schedules
        twice, and a lost answer is asked for again. Raises OutcomeUnknown, which has the key.
        ConfirmationRequired is answered as that of `send_money`, once for all runs.
        """
        if every is not None and not isinstance(every, models.Recurrence):
            every = models.Recurrence(unit=every, interval=1)
        given = {
            "recipient": recipient(to),
            "amount": exact(amount),
            "note": note,
            "startsOn": starts_on,
            "recurrence": every,
            "endsOn": ends_on,
            "idempotencyKey": key or new_key(),
            "confirmation": confirmation_input(confirmation),
        }
        return await self._transport.once_per_key(
            documents.SCHEDULE_TRANSFER, given, give_up_after_seconds=give_up_after_seconds
        )

    async def pause_scheduled_transfer(
        self, scheduled: models.ScheduledTransfer | str
    ) -> models.ChangeScheduledTransferResult:
        """Make no runs until it is resumed."""
        given = {"scheduledTransferId": id_of(scheduled)}
        return await self._transport.execute(documents.PAUSE_SCHEDULED_TRANSFER, {"input": given})

    async def resume_scheduled_transfer(
        self, scheduled: models.ScheduledTransfer | str
    ) -> models.ChangeScheduledTransferResult:
        """Continue with the next run that becomes due; those that became due meanwhile are not made."""
        given = {"scheduledTransferId": id_of(scheduled)}
        return await self._transport.execute(documents.RESUME_SCHEDULED_TRANSFER, {"input": given})

    async def end_scheduled_transfer(
        self, scheduled: models.ScheduledTransfer | str
    ) -> models.ChangeScheduledTransferResult:
        """End it, for ever."""
        given = {"scheduledTransferId": id_of(scheduled)}
        return await self._transport.execute(documents.END_SCHEDULED_TRANSFER, {"input": given})

    async def scheduled_transfers(
        self, status: models.ScheduleStatus | None = None, *, page_size: int = 100
    ) -> AsyncGenerator[models.ScheduledTransfer, None]:
        """All scheduled transfers, or those with that status, newest first."""
        given = {"first": page_size, "status": status}
        async for node in self._pages(documents.SCHEDULED_TRANSFERS, given):
            yield node

    async def scheduled_runs(
        self, scheduled: models.ScheduledTransfer | str, *, page_size: int = 100
    ) -> AsyncGenerator[models.ScheduledRun, None]:
        """The runs that have been due so far, newest first. Raises UnexpectedAnswer for an unknown id."""
        given = {"id": id_of(scheduled), "first": page_size}
        async for node in self._pages(documents.SCHEDULED_RUNS, given):
            yield node
