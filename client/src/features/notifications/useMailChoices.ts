/** Which kinds are mailed; each choice is saved at once, one request at a time. */

import { useQuery } from '@urql/vue';
import { computed, onScopeDispose, reactive, ref } from 'vue';
import { sentenceFor } from '@/api';
import { mutate } from '@/features/accounts/answers';
import { onRecovered } from '@/realtime';
import { showToast } from '@/ui/toasts';
import { MailedNotifications, SetMailedNotifications } from './documents';
import type { Kind } from './kinds';

/** The kinds with the choices applied; kinds that this page does not show stay as they are. */
export function withChoices(kinds: readonly Kind[], choices: ReadonlyMap<Kind, boolean>): Kind[] {
  const added = [...choices.keys()].filter((kind) => choices.get(kind) && !kinds.includes(kind));
  return [...kinds.filter((kind) => choices.get(kind) !== false), ...added];
}

export function useMailChoices() {
  const query = useQuery({ query: MailedNotifications, variables: {}, requestPolicy: 'cache-and-network' });
  const retry = () => void query.executeQuery({ requestPolicy: 'network-only' });
  onScopeDispose(
    onRecovered(() => {
      if (query.error.value) retry();
    }),
  );
  const kinds = computed(() => query.data.value?.viewer?.mailedNotifications ?? null);
  /** Not saved yet. */
  const choices = reactive(new Map<Kind, boolean>());
  const isSaving = ref(false);
  const isSaved = ref(false);

  const isMailed = (kind: Kind): boolean => choices.get(kind) ?? kinds.value?.includes(kind) ?? false;

  async function choose(kind: Kind, isOn: boolean): Promise<void> {
    choices.set(kind, isOn);
    if (isSaving.value) return;
    isSaving.value = true;
    isSaved.value = false;
    while (choices.size > 0 && kinds.value) {
      const sent = new Map(choices);
      const message = await save(withChoices(kinds.value, sent));
      if (message !== null) {
        choices.clear();
        showToast({ title: 'Your choice was not saved', detail: message, tone: 'danger' });
        break;
      }
      for (const [each, value] of sent) if (choices.get(each) === value) choices.delete(each);
      isSaved.value = choices.size === 0;
    }
    isSaving.value = false;
  }

  async function save(wanted: Kind[]): Promise<string | null> {
    const { data, message } = await mutate(SetMailedNotifications, { kinds: wanted });
    if (!data) return message;
    const result = data.setMailedNotifications;
    return result.__typename === 'MailedNotificationsSet' ? null : result.message;
  }

  return {
    isLoaded: computed(() => kinds.value !== null),
    failure: computed(() => (query.error.value && !kinds.value ? sentenceFor(query.error.value) : '')),
    retry,
    isMailed,
    choose,
    isSaving,
    isSaved,
  };
}
