/** What a webhook would send with a document, while the user types it; only the latest answer counts. */

import { onScopeDispose, shallowRef, watch, type Ref } from 'vue';
import { mutate } from '@/features/accounts/answers';
import { onRecovered } from '@/realtime';
import { TestWebhook } from './documents';

const PAUSE_MILLISECONDS = 600;

export type PayloadPreview =
  | { state: 'asking' }
  | { state: 'known'; body: string }
  /** The document cannot be used. */
  | { state: 'invalid'; message: string }
  /** There is nothing to show yet. */
  | { state: 'none'; message: string }
  /** There is no answer. */
  | { state: 'failed'; message: string };

export function usePayloadPreview(webhookId: string, document: Readonly<Ref<string>>) {
  const preview = shallowRef<PayloadPreview>({ state: 'asking' });
  let asked = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function ask(): Promise<void> {
    const mine = ++asked;
    const { data, message } = await mutate(TestWebhook, { input: { webhookId, document: document.value, send: false } });
    if (mine !== asked) return;
    const result = data?.testWebhook;
    if (!result) preview.value = { state: 'failed', message: message ?? '' };
    else if (result.__typename === 'WebhookTested') preview.value = { state: 'known', body: readable(result.body) };
    else if (result.__typename === 'InvalidWebhook') {
      const fault = result.fields.find(({ path }) => path[0] === 'document');
      preview.value = fault
        ? { state: 'invalid', message: fault.message }
        : { state: 'none', message: result.fields[0]?.message ?? result.message };
    } else preview.value = { state: 'failed', message: result.message };
  }

  function start(pauseMilliseconds: number): void {
    asked += 1;
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), pauseMilliseconds);
  }

  watch(document, () => start(PAUSE_MILLISECONDS));
  start(0);
  onScopeDispose(
    onRecovered(() => {
      if (preview.value.state === 'failed') start(0);
    }),
  );
  onScopeDispose(() => {
    asked += 1;
    clearTimeout(timer);
  });
  return preview;
}

/** The same JSON on several lines. */
export function readable(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
