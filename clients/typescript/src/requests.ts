/** Requesting money, and paying what others request. */

import * as api from './generated.js';
import { type ConfirmedOptions, type KeyedOptions, type Recipient, entries, idOf, recipientInput } from './inputs.js';
import { Part, pages } from './part.js';
import { type Amount, decimal, newKey } from './values.js';

export interface RequestOptions extends KeyedOptions {
  readonly note?: string;
  /** 30 days from now by default. */
  readonly expiresAt?: Date;
}

export interface SplitOptions extends RequestOptions {
  /** One for each payer; by default all shares are equal. */
  readonly amounts?: readonly Amount[];
  /** Whether the user takes a share; true by default. */
  readonly includesViewer?: boolean;
}

/** Payment requests of one wallet. */
export abstract class Requests extends Part {
  /**
   * Request money from a user, or from null, which is anyone who has the link, once per key.
   *
   * A lost answer is asked for again, as with `sendMoney`; the keys are separate from those that move
   * money. Rejects with OutcomeUnknown, which has the key.
   */
  async requestMoney(
    amount: Amount,
    payer: Recipient | null = null,
    { note, expiresAt, key = newKey(), giveUpAfterSeconds }: RequestOptions = {},
  ): Promise<api.RequestMoneyResult> {
    const input = {
      payer: payer === null ? null : recipientInput(payer),
      amount: decimal(amount),
      note: note ?? null,
      expiresAt: expiresAt?.toISOString() ?? null,
      idempotencyKey: key,
    };
    return this.transport.oncePerKey(api.REQUEST_MONEY, input, { giveUpAfterSeconds });
  }

  /**
   * Request a share of a bill from each payer, once per key: equal shares, or these `amounts`.
   *
   * The same call with the same key gives the split as it is then, with what was paid so far.
   */
  async splitBill(
    total: Amount,
    payers: readonly Recipient[],
    { amounts, includesViewer = true, note, expiresAt, key = newKey(), giveUpAfterSeconds }: SplitOptions = {},
  ): Promise<api.SplitBillResult> {
    const input = {
      total: decimal(total),
      payers: payers.map(recipientInput),
      amounts: amounts?.map(decimal) ?? null,
      includesViewer,
      note: note ?? null,
      expiresAt: expiresAt?.toISOString() ?? null,
      idempotencyKey: key,
    };
    return this.transport.oncePerKey(api.SPLIT_BILL, input, { giveUpAfterSeconds });
  }

  /**
   * Pay a request, or the one with that id, once, as `sendMoney` sends once.
   *
   * The key is one of a transfer: no other transfer can have it, and `closeKey('TRANSFER', key)` makes
   * its outcome final. ConfirmationRequired is answered as that of `sendMoney`.
   */
  async payRequest(
    request: api.PaymentRequest | string,
    { key = newKey(), metadata, notAfter, confirmation, giveUpAfterSeconds }: ConfirmedOptions = {},
  ): Promise<api.PayRequestResult> {
    const input = {
      paymentRequestId: idOf(request),
      idempotencyKey: key,
      metadata: entries(metadata),
      notAfter: notAfter?.toISOString() ?? null,
      confirmation: confirmation ?? null,
    };
    return this.transport.oncePerKey(api.PAY_REQUEST, input, { kind: 'TRANSFER', giveUpAfterSeconds });
  }

  /** Decline a request to the user. A lost answer is asked for again. */
  declineRequest(request: api.PaymentRequest | string): Promise<api.CloseRequestResult> {
    return this.transport.execute(api.DECLINE_REQUEST, { input: { paymentRequestId: idOf(request) } });
  }

  /** Cancel a request of the user. A lost answer is asked for again. */
  cancelRequest(request: api.PaymentRequest | string): Promise<api.CloseRequestResult> {
    return this.transport.execute(api.CANCEL_REQUEST, { input: { paymentRequestId: idOf(request) } });
  }

  /** Notify the payer again: once a day, three times in all. A lost answer is not asked for again. */
  remindPayer(request: api.PaymentRequest | string): Promise<api.RemindPayerResult> {
    return this.once(api.REMIND_PAYER, { input: { paymentRequestId: idOf(request) } });
  }

  /** Have neither of the two find the other, or request money from the other; not with an API token. */
  blockUser(user: api.User | string): Promise<api.BlockUserResult> {
    return this.transport.execute(api.BLOCK_USER, { input: { userId: idOf(user) } });
  }

  /** End a block by the user; not with an API token. */
  unblockUser(user: api.User | string): Promise<api.BlockUserResult> {
    return this.transport.execute(api.UNBLOCK_USER, { input: { userId: idOf(user) } });
  }

  /** The users whom the user has blocked; not with an API token. */
  blockedUsers(): Promise<readonly api.User[]> {
    return this.transport.execute(api.BLOCKED_USERS, {});
  }

  /** What a link requests, also signed out; `token` is its last part, or the whole link. */
  paymentRequest(token: string): Promise<api.PaymentRequest | null> {
    return this.transport.execute(api.PAYMENT_REQUEST, { token });
  }

  /** All payment requests by and to the user, or those that match, newest first. */
  paymentRequests(
    filter: api.PaymentRequestFilter | null = null,
    { pageSize: first = 100 } = {},
  ): AsyncGenerator<api.PaymentRequest, void, undefined> {
    return pages((after) => this.transport.execute(api.PAYMENT_REQUESTS, { first, after, filter }));
  }
}
