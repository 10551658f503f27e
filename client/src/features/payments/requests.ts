/** The requests of a payment. */

import { client } from '@/api';
import { AddBalance, SendMoney, TransactionByKey } from './documents';
import { meaningOf } from './meaning';
import type { Answer, Finding, Payment } from './payment';

export async function send({ key, intent }: Payment): Promise<Answer> {
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

export async function ask({ key, intent }: Payment): Promise<Finding> {
  const { data, error } = await client.value
    .query(TransactionByKey, { kind: intent.kind, key }, { requestPolicy: 'network-only' })
    .toPromise();
  if (error || !data?.viewer) return { type: 'lost' };
  const transaction = data.viewer.transactionByIdempotencyKey;
  return transaction ? { type: 'sent', transaction } : { type: 'none' };
}
