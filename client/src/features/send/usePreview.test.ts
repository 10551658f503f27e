import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { effectScope, ref, type EffectScope } from 'vue';
import { answerWith } from '@/api/testing';
import { usePreview } from './usePreview';

type Reply = (amount: string) => unknown;

const money = (amount: string) => ({ __typename: 'Money', amount, currency: 'USD' });
const preview: Reply = (amount) => ({
  __typename: 'TransferPreview',
  amount: money(amount),
  fee: money('0.01'),
  total: money('1.01'),
  shortfall: null,
  maximumSendable: money('9.00'),
  recipient: null,
});
const unknown: Reply = () => ({ __typename: 'RecipientNotFound', message: 'There is no such user.' });
const invalid: Reply = () => ({
  __typename: 'InvalidAmount',
  message: 'The amount is too large.',
  minimum: money('0.01'),
  maximum: money('10000.00'),
});

let reply: Reply | null;
let asked: string[];
let scope: EffectScope;

function answering(variables: Record<string, unknown>): Promise<Response> {
  const amount = variables.amount as string;
  asked.push(amount);
  if (!reply) return Promise.reject(new TypeError('Failed to fetch'));
  return Promise.resolve(Response.json({ data: { transferPreview: reply(amount) } }));
}

beforeEach(() => {
  vi.useFakeTimers();
  reply = preview;
  asked = [];
  scope = effectScope();
  answerWith(answering);
});
afterEach(() => {
  scope.stop();
  vi.useRealTimers();
});

function previewing(first = '') {
  const amount = ref(first);
  const recipient = ref<{ id: string } | null>(null);
  const shown = scope.run(() => usePreview(amount, recipient));
  if (!shown) throw new Error('The scope is stopped.');
  const type = async (text: string, milliseconds = 300) => {
    amount.value = text;
    await vi.advanceTimersByTimeAsync(milliseconds);
  };
  const settled = async () => {
    const state = shown.settled();
    await vi.advanceTimersByTimeAsync(300);
    return state;
  };
  return { preview: shown.preview, type, settled, startSettling: shown.settled, recipient };
}

describe('the preview of a transfer', () => {
  it('asks once one stops typing', async () => {
    const { type, preview: shown } = previewing();
    await type('1', 50);
    await type('1.00');
    expect(asked).toEqual(['1.00']);
    expect(shown.value).toMatchObject({ state: 'known', preview: { total: { amount: '1.01' } } });
  });

  it('is nothing without an amount', async () => {
    const { type, preview: shown } = previewing();
    await type('1.00');
    await type('');
    expect(shown.value).toEqual({ state: 'none' });
  });

  it('says the limit in the reader’s own format', async () => {
    reply = invalid;
    const { type, preview: shown } = previewing();
    await type('10000.01');
    expect(shown.value).toEqual({ state: 'invalid', message: 'The most you can send at once is $10,000.00.' });
  });

  it('never goes on with what was known of another amount', async () => {
    const { type, settled } = previewing();
    await type('1.00');
    await type('2.00', 10);
    expect(await settled()).toMatchObject({ state: 'known', preview: { amount: { amount: '2.00' } } });
  });

  it('resolves with the latest answer if the amount changes while one waits for it', async () => {
    const { type, startSettling } = previewing();
    await type('1.00', 10);
    const goingOn = startSettling();
    await type('2.00', 10);
    await type('3.00');
    expect(await goingOn).toMatchObject({ state: 'known', preview: { amount: { amount: '3.00' } } });
  });

  it('asks again for another recipient, and says who cannot be paid', async () => {
    const { type, settled, recipient, preview: shown } = previewing();
    await type('1.00');
    recipient.value = { id: 'closed' };
    await vi.advanceTimersByTimeAsync(10);
    reply = unknown;
    expect(await settled()).toEqual({ state: 'unpayable', message: 'There is no such user.' });
    expect(asked).toEqual(['1.00', '1.00']);
    recipient.value = null;
    reply = preview;
    await settled();
    expect(shown.value.state).toBe('known');
  });

  it('asks again where the answer was lost', async () => {
    const { type, settled, preview: shown } = previewing();
    reply = null;
    await type('1.00');
    expect(shown.value.state).toBe('failed');
    reply = preview;
    expect((await settled()).state).toBe('known');
  });
});
