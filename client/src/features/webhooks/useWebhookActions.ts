/** What can be done with a webhook at the press of a button. */

import { ref, shallowRef } from 'vue';
import { mutate } from '@/features/accounts/answers';
import { showToast } from '@/ui/toasts';
import { DeleteWebhook, TestWebhook, UpdateWebhook, type Attempt, type Webhook } from './documents';

export function useWebhookActions(webhook: () => Webhook) {
  const busy = ref<'' | 'status' | 'test' | 'delete'>('');
  /** What came of the last test delivery. */
  const tested = shallowRef<Attempt | null>(null);

  /** Without a detail the user has cancelled it. */
  function fail(title: string, detail: string): void {
    if (detail) showToast({ title, detail, tone: 'danger' });
  }

  async function setStatus(status: 'ACTIVE' | 'PAUSED'): Promise<void> {
    busy.value = 'status';
    const { data, message } = await mutate(UpdateWebhook, { input: { webhookId: webhook().id, status } });
    busy.value = '';
    const result = data?.updateWebhook;
    if (result?.__typename === 'WebhookUpdated') showToast({ title: status === 'ACTIVE' ? 'The webhook is active' : 'The webhook is paused' });
    else fail('The webhook was not changed', result?.message ?? message ?? '');
  }

  async function test(): Promise<void> {
    if (busy.value) return;
    busy.value = 'test';
    tested.value = null;
    const { data, message } = await mutate(TestWebhook, { input: { webhookId: webhook().id, send: true } });
    busy.value = '';
    const result = data?.testWebhook;
    if (result?.__typename === 'WebhookTested') tested.value = result.attempt;
    else fail('The test was not sent', result?.message ?? message ?? '');
  }

  /** Returns whether it is gone. */
  async function remove(): Promise<boolean> {
    busy.value = 'delete';
    const { data, message } = await mutate(DeleteWebhook, { input: { webhookId: webhook().id } });
    busy.value = '';
    const result = data?.deleteWebhook;
    if (!result) {
      fail('The webhook was not deleted', message ?? '');
      return false;
    }
    showToast({ title: 'The webhook was deleted' });
    return true;
  }

  return { busy, tested, setStatus, test, remove };
}
