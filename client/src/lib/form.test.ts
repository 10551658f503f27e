import { nextTick } from 'vue';
import { expect, test, vi } from 'vitest';
import { useForm, type Refusal } from '@/lib/form';

function build(answers: (Refusal<'email'> | null)[] = [null]) {
  const send = vi.fn(() => Promise.resolve(answers.shift() ?? null));
  const form = useForm({
    values: { email: '' },
    check: ({ email }) => (email === '' ? { email: 'Enter your address.' } : {}),
    send,
  });
  return { form, send };
}

test('nothing is sent while a field is wrong, and the error is at the field', async () => {
  const { form, send } = build();
  await form.submit();
  expect(send).not.toHaveBeenCalled();
  expect(form.errors.email).toBe('Enter your address.');
});

test('typing in a field takes its error away', async () => {
  const { form } = build();
  await form.submit();
  form.values.email = 'a';
  await nextTick();
  expect(form.errors.email).toBeUndefined();
});

test('a second submission while one is under way sends nothing', async () => {
  const { form, send } = build();
  form.values.email = 'a@b.example';
  await Promise.all([form.submit(), form.submit()]);
  expect(send).toHaveBeenCalledTimes(1);
  expect(form.busy.value).toBe(false);
});

test('a refusal is shown, and gone with the next try', async () => {
  const { form } = build([{ message: 'No.', fields: { email: 'Not this one.' } }, null]);
  form.values.email = 'a@b.example';
  await form.submit();
  expect([form.message.value, form.errors.email]).toEqual(['No.', 'Not this one.']);
  await form.submit();
  expect([form.message.value, form.errors.email]).toEqual(['', undefined]);
});

test('it is free again when sending throws', async () => {
  const form = useForm({ values: { email: 'a' }, send: () => Promise.reject(new Error('lost')) });
  await expect(form.submit()).rejects.toThrow('lost');
  expect(form.busy.value).toBe(false);
});

test('it waits for an asynchronous check, and sends once', async () => {
  const send = vi.fn(() => Promise.resolve(null));
  let finish: (faults: { email?: string }) => void = () => undefined;
  const form = useForm({ values: { email: 'a' }, check: () => new Promise<{ email?: string }>((resolve) => (finish = resolve)), send });
  const refused = form.submit();
  expect(form.busy.value).toBe(true);
  finish({ email: 'Not this one.' });
  await refused;
  expect([form.errors.email, send.mock.calls.length]).toEqual(['Not this one.', 0]);
  const sent = Promise.all([form.submit(), form.submit()]);
  finish({});
  await sent;
  expect([form.errors.email, send.mock.calls.length]).toEqual([undefined, 1]);
});
