/** The requests of a payment. */

import { client } from '@/api';
import { serviceTime } from '@/lib/clock';
import { SessionEnded, userScope } from '@/lib/user-scope';
import { AddBalance, CloseIdempotencyKey, PayRequest, SendMoney, TransactionByKey } from './documents';
import type { Confirmation } from './confirming';
import { meaningOf } from './meaning';
import type { Answer, Finding, Payment } from './payment';

/**
 * A request that is held up in transit has no effect after this time. It is far longer than any answer takes and than
 * clocks differ, and short enough that the user still remembers the payment.
 */
const LONGEST_TRANSIT_MILLISECONDS = 120_000;

/** Sends it with the token of its user, and the second factor if it was asked for. Throws `SessionEnded` if another user is signed in. */
export async function send({ key, userId, intent }: Payment, confirmation?: Confirmation): Promise<Answer> {
  checkIsSignedIn(userId);
  const amount = intent.amount.amount;
  const notAfter = new Date(serviceTime() + LONGEST_TRANSIT_MILLISECONDS).toISOString();
  if (intent.kind === 'TOP_UP') {
    const input = { amount, idempotencyKey: key, notAfter };
    const { data, error } = await client.value.mutation(AddBalance, { input }).toPromise();
    return meaningOf(data?.addBalance, error);
  }
  if (intent.requestId !== undefined) {
    const input = { paymentRequestId: intent.requestId, idempotencyKey: key, notAfter, confirmation };
    const { data, error } = await client.value.mutation(PayRequest, { input }).toPromise();
    return meaningOf(data?.payRequest, error);
  }
  const input = {
    recipient: { userId: intent.recipient?.id ?? '' },
    amount,
    note: intent.note.trim() || null,
    idempotencyKey: key,
    notAfter,
    confirmation,
  };
  const { data, error } = await client.value.mutation(SendMoney, { input }).toPromise();
  return meaningOf(data?.sendMoney, error);
}

/** Looks up its transaction, likewise. "none" may change while a request is in transit. */
export async function ask({ key, userId, intent }: Payment): Promise<Finding> {
  checkIsSignedIn(userId);
  const { data, error } = await client.value
    .query(TransactionByKey, { kind: intent.kind, key }, { requestPolicy: 'network-only' })
    .toPromise();
  if (error || !data?.viewer) return { type: 'lost' };
  const transaction = data.viewer.transactionByIdempotencyKey;
  return transaction ? { type: 'sent', transaction } : { type: 'none' };
}

/** Closes its key, likewise. "none" is final: the key has no transaction and never will. */
export async function close({ key, userId, intent }: Payment): Promise<Finding> {
  checkIsSignedIn(userId);
  const input = { kind: intent.kind, idempotencyKey: key };
  const { data, error } = await client.value.mutation(CloseIdempotencyKey, { input }).toPromise();
  const result = data?.closeIdempotencyKey;
  if (error || result?.__typename !== 'IdempotencyKeySettled') return { type: 'lost' };
  return result.transaction ? { type: 'sent', transaction: result.transaction } : { type: 'none' };
}

/** The client is that of the signed-in user: its requests carry that user's token, or none. */
function checkIsSignedIn(userId: string): void {
  if (userScope().userId !== userId) throw new SessionEnded();
}
