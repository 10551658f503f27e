/** Money added through the service's payment provider. */

import * as api from './generated.js';
import type { KeyedOptions } from './inputs.js';
import { pages } from './part.js';
import { Schedules } from './schedules.js';
import { type Amount, decimal, newKey } from './values.js';

/** Top-ups of one wallet. */
export abstract class TopUps extends Schedules {
  /**
   * Start a top-up, to be paid at its `checkoutUrl`; the balance is credited afterwards.
   *
   * A key never starts twice, and a lost answer is asked for again. Rejects with OutcomeUnknown, which has
   * the key.
   */
  async startTopUp(
    amount: Amount,
    { key = newKey(), giveUpAfterSeconds }: KeyedOptions = {},
  ): Promise<api.StartTopUpResult> {
    const input = { amount: decimal(amount), idempotencyKey: key };
    return this.transport.oncePerKey(api.START_TOP_UP, input, { giveUpAfterSeconds });
  }

  /** All top-ups, newest first. */
  topUps({ pageSize: first = 100 } = {}): AsyncGenerator<api.TopUp, void, undefined> {
    return pages((after) => this.transport.execute(api.TOP_UPS, { first, after }));
  }
}
