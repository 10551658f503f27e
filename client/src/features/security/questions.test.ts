import { describe, expect, it } from 'vitest';
import { Questions, type Question } from './questions';

const question = (title: string, fault = ''): Question => ({
  title,
  description: '',
  action: 'Confirm',
  methods: ['TOTP'],
  passkeyOptions: null,
  fault,
});
const answer = { secondFactor: { totpCode: '123456' } };
const settled = () => new Promise((resolve) => setTimeout(resolve));

describe('questions to the user', () => {
  it('keeps the dialog through a wrong answer, and closes it in the end', async () => {
    const all = new Questions();
    const one = all.converse();
    const first = one.ask(question('one'));
    await settled();
    expect(all.asked.value).toMatchObject({ title: 'one', isBusy: false });
    all.answer(answer);
    expect(await first).toEqual(answer);
    expect(all.asked.value).toMatchObject({ isBusy: true });
    // While it is checked, nothing can be cancelled.
    all.cancel();
    expect(all.asked.value).not.toBeNull();
    const second = one.ask(question('one', 'Wrong.'));
    await settled();
    expect(all.asked.value).toMatchObject({ fault: 'Wrong.', isBusy: false });
    all.cancel();
    expect(await second).toBeNull();
    expect(all.asked.value).toBeNull();
    one.end();
  });

  it('asks one after the other', async () => {
    const all = new Questions();
    const [one, two] = [all.converse(), all.converse()];
    const first = one.ask(question('one'));
    const second = two.ask(question('two'));
    await settled();
    expect(all.asked.value?.title).toBe('one');
    all.answer(answer);
    await first;
    await settled();
    expect(all.asked.value?.title).toBe('one');
    one.end();
    await settled();
    expect(all.asked.value?.title).toBe('two');
    all.cancel();
    expect(await second).toBeNull();
    two.end();
    expect(all.asked.value).toBeNull();
  });

  it('asks nothing more in a conversation that is over before its turn', async () => {
    const all = new Questions();
    const [one, two] = [all.converse(), all.converse()];
    void one.ask(question('one'));
    const second = two.ask(question('two'));
    two.end();
    one.end();
    expect(await second).toBeNull();
    expect(all.asked.value).toBeNull();
  });
});
