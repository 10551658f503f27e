// @vitest-environment jsdom
import { createApp, h, nextTick } from 'vue';
import { expect, test, vi } from 'vitest';
import Button from '@/ui/Button.vue';

function mount(props: Record<string, unknown>) {
  const onClick = vi.fn();
  const onSubmit = vi.fn((event: Event) => {
    event.preventDefault();
  });
  const host = document.createElement('div');
  document.body.append(host);
  createApp({ render: () => h('form', { onSubmit }, h(Button, { ...props, onClick }, () => 'Send')) }).mount(host);
  const button = host.querySelector('button');
  if (!button) throw new Error('no button');
  return { button, onClick, onSubmit };
}

test('a button that is ready does what it says', () => {
  const { button, onClick, onSubmit } = mount({ type: 'submit' });
  button.click();
  expect(onClick).toHaveBeenCalledTimes(1);
  expect(onSubmit).toHaveBeenCalledTimes(1);
});

test.each([{ busy: true }, { disabled: true }])('one that is %o does nothing, keeps its focus and says so', async (props) => {
  const { button, onClick, onSubmit } = mount({ type: 'submit', ...props });
  button.focus();
  button.click();
  await nextTick();
  expect(onClick).not.toHaveBeenCalled();
  expect(onSubmit).not.toHaveBeenCalled();
  expect(document.activeElement).toBe(button);
  expect(button.getAttribute('aria-disabled')).toBe('true');
});
