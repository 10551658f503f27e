import { describe, expect, it } from 'vitest';
import { Questions, type Answer } from '@/features/security/questions';
import { withConfirmation, type Confirmation, type ToConfirm } from './confirming';

const words = { recipient: { name: 'User Beta' }, amount: { amount: '120.00', currency: 'USD' } };
const required = (challenge: string): ToConfirm => ({ type: 'to-confirm', required: { challenge, methods: ['TOTP'] } });
const code = (totpCode: string): Answer => ({ secondFactor: { totpCode } });
const settled = () => new Promise((resolve) => setTimeout(resolve));
type Ending = ToConfirm | { type: 'sent' };

/** The service's answers, one after the other, and what it was sent. */
function service(answers: Ending[]) {
  const sent: (Confirmation | undefined)[] = [];
  const attempt = (confirmation?: Confirmation) => {
    sent.push(confirmation);
    return Promise.resolve(answers.shift() ?? null);
  };
  return { sent, attempt };
}

describe('confirming a payment', () => {
  it('asks again after a wrong code, with a new challenge and the same dialog', async () => {
    const all = new Questions();
    const { sent, attempt } = service([required('a'), { type: 'misconfirmed' }, required('b'), { type: 'sent' }]);
    const ended = withConfirmation<Ending>(words, all.converse(), await attempt(), attempt, () => undefined);
    await settled();
    expect(all.asked.value).toMatchObject({ fault: '', methods: ['TOTP'] });
    expect(all.asked.value?.description).toMatch(/^You are sending \$120\.00 to .*User Beta/);
    all.answer(code('000000'));
    await settled();
    expect(all.asked.value?.fault).toMatch(/^That code is wrong/);
    all.answer(code('123456'));
    expect(await ended).toEqual({ type: 'sent' });
    const given = (challenge: string, totpCode: string) => ({ challenge, secondFactor: { totpCode } });
    expect(sent).toEqual([undefined, given('a', '000000'), undefined, given('b', '123456')]);
  });

  it('sends nothing more once the user cancels, and asks nothing where nothing is asked for', async () => {
    const all = new Questions();
    const { sent, attempt } = service([required('a')]);
    const ended = withConfirmation<Ending>(words, all.converse(), await attempt(), attempt, () => undefined);
    await settled();
    all.cancel();
    expect(await ended).toBe('cancelled');
    expect(sent).toEqual([undefined]);
    const free = service([{ type: 'sent' }]);
    expect(await withConfirmation<Ending>(words, all.converse(), await free.attempt(), free.attempt, () => undefined)).toEqual({ type: 'sent' });
    expect(all.asked.value).toBeNull();
  });
});
