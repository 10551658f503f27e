/** Transfers that are sent later, once or repeatedly. */

import * as api from './generated.js';
import { type KeyedOptions, type Recipient, idOf, recipientInput } from './inputs.js';
import { pages } from './part.js';
import { Requests } from './requests.js';
import { type Amount, decimal, newKey } from './values.js';

export interface ScheduleOptions extends KeyedOptions {
  /** By default it is sent once. Every two weeks is `{ unit: 'WEEK', interval: 2 }`. */
  readonly every?: api.RecurrenceUnit | api.RecurrenceInput;
  /** The last date on which a run may be due, as `2026-12-31`. */
  readonly endsOn?: string;
  readonly note?: string;
  /** The answer to a ConfirmationRequired, for the same call with the same key. */
  readonly confirmation?: api.ConfirmationInput;
}

/** Scheduled transfers of one wallet. Dates are strings such as `2026-12-31`. */
export abstract class Schedules extends Requests {
  /**
   * Have an amount sent on that date, or from then on `every` DAY, WEEK, MONTH or YEAR.
   *
   * A key never schedules twice, and a lost answer is asked for again. Rejects with OutcomeUnknown,
   * which has the key. ConfirmationRequired is answered as that of `sendMoney`, once for all runs.
   */
  async scheduleTransfer(
    to: Recipient,
    amount: Amount,
    startsOn: string,
    { every, endsOn, note, key = newKey(), confirmation, giveUpAfterSeconds }: ScheduleOptions = {},
  ): Promise<api.ScheduleTransferResult> {
    const input = {
      recipient: recipientInput(to),
      amount: decimal(amount),
      note: note ?? null,
      startsOn,
      recurrence: typeof every === 'string' ? { unit: every } : (every ?? null),
      endsOn: endsOn ?? null,
      idempotencyKey: key,
      confirmation: confirmation ?? null,
    };
    return this.transport.oncePerKey(api.SCHEDULE_TRANSFER, input, { giveUpAfterSeconds });
  }

  /** Make no runs until it is resumed. */
  pauseScheduledTransfer(scheduled: api.ScheduledTransfer | string): Promise<api.ChangeScheduledTransferResult> {
    return this.transport.execute(api.PAUSE_SCHEDULED_TRANSFER, changing(scheduled));
  }

  /** Continue with the next run that becomes due; those that became due meanwhile are not made. */
  resumeScheduledTransfer(scheduled: api.ScheduledTransfer | string): Promise<api.ChangeScheduledTransferResult> {
    return this.transport.execute(api.RESUME_SCHEDULED_TRANSFER, changing(scheduled));
  }

  /** End it, for ever. */
  endScheduledTransfer(scheduled: api.ScheduledTransfer | string): Promise<api.ChangeScheduledTransferResult> {
    return this.transport.execute(api.END_SCHEDULED_TRANSFER, changing(scheduled));
  }

  /** All scheduled transfers, or those with that status, newest first. */
  scheduledTransfers(
    status: api.ScheduleStatus | null = null,
    { pageSize: first = 100 } = {},
  ): AsyncGenerator<api.ScheduledTransfer, void, undefined> {
    return pages((after) => this.transport.execute(api.SCHEDULED_TRANSFERS, { first, after, status }));
  }

  /** The runs that have been due so far, newest first. Rejects with UnexpectedAnswer for an unknown id. */
  scheduledRuns(
    scheduled: api.ScheduledTransfer | string,
    { pageSize: first = 100 } = {},
  ): AsyncGenerator<api.ScheduledRun, void, undefined> {
    const id = idOf(scheduled);
    return pages((after) => this.transport.execute(api.SCHEDULED_RUNS, { id, first, after }));
  }
}

function changing(scheduled: api.ScheduledTransfer | string) {
  return { input: { scheduledTransferId: idOf(scheduled) } };
}
