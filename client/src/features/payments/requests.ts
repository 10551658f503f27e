/** The requests of a payment. */

import { client } from '@/api';
import { SessionEnded, userScope } from '@/lib/user-scope';
import { AddBalance, SendMoney, TransactionByKey } from './documents';
import { meaningOf } from './meaning';
import type { Answer, Finding, Payment } from './payment';

/** Sends it with the token of its user. Throws `SessionEnded` where somebody else is signed in. */
export async function send({ key, userId, intent }: Payment): Promise<Answer> {
  checkIsSignedIn(userId);
  const amount = intent.amount.amount;
  if (intent.kind === 'TOP_UP') {
    const input = { amount, idempotencyKey: key };
    const { data, error } = await client.value.mutation(AddBalance, { input }).toPromise();
    return meaningOf(data?.addBalance, error);
  }
  const input = {
    recipient: { userId: intent.recipient?.id ?? '' },
    amount,
    note: intent.note.trim() || null,
    idempotencyKey: key,
  };
  const { data, error } = await client.value.mutation(SendMoney, { input }).toPromise();
  return meaningOf(data?.sendMoney, error);
}

/** Asks what became of it, likewise. */
export async function ask({ key, userId, intent }: Payment): Promise<Finding> {
  checkIsSignedIn(userId);
  const { data, error } = await client.value
    .query(TransactionByKey, { kind: intent.kind, key }, { requestPolicy: 'network-only' })
    .toPromise();
  if (error || !data?.viewer) return { type: 'lost' };
  const transaction = data.viewer.transactionByIdempotencyKey;
  return transaction ? { type: 'sent', transaction } : { type: 'none' };
}

/** The client is that of who is signed in: its requests carry their token or none. */
function checkIsSignedIn(userId: string): void {
  if (userScope().userId !== userId) throw new SessionEnded();
}
