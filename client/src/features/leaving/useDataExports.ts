/** The exports of the user's data: requested, followed until they are ready, and downloaded. */

import { computed, onScopeDispose, ref, shallowRef } from 'vue';
import { client, sentenceFor } from '@/api';
import { CONFIRM_SESSION, mutate } from '@/features/accounts/answers';
import { confirmSession } from '@/features/sessions/confirm-session';
import { faultOf } from '@/features/statements/useDownload';
import { onNotification } from '@/realtime';
import { DataExportLinks, DataExports, ExportData, type DataExport } from './documents';

const LOOK_MILLISECONDS = 3_000;

export function useDataExports(follow = (link: string) => location.assign(link)) {
  /** Null until they are loaded. */
  const exports = shallowRef<DataExport[] | null>(null);
  const failure = ref('');
  const error = ref('');
  const isRequesting = ref(false);
  /** The id of the one that is being downloaded. */
  const downloading = ref<string | null>(null);
  const isPending = computed(() => exports.value?.some(({ status }) => status === 'PENDING') ?? false);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let turn = 0;

  async function refresh(): Promise<void> {
    clearTimeout(timer);
    const mine = ++turn;
    const { data, error: fault } = await client.value.query(DataExports, {}, { requestPolicy: 'network-only' }).toPromise();
    if (mine !== turn) return;
    failure.value = fault ? sentenceFor(fault) : '';
    if (data?.viewer) exports.value = data.viewer.dataExports;
    if (isPending.value) timer = setTimeout(() => void refresh(), LOOK_MILLISECONDS);
  }
  void refresh();
  onScopeDispose(() => {
    turn = -1;
    clearTimeout(timer);
  });
  onScopeDispose(onNotification(({ kind }) => kind === 'SECURITY_CHANGED' && void refresh()));

  async function request(): Promise<void> {
    if (isRequesting.value) return;
    isRequesting.value = true;
    error.value = '';
    const { data, message } = await mutate(ExportData, {});
    isRequesting.value = false;
    if (data) await refresh();
    else error.value = message;
  }

  /** Each click asks for a link of its own; the user may have to confirm the session first. Null if there is none. */
  async function linkTo(id: string): Promise<string | null> {
    for (;;) {
      const { data, error: fault } = await client.value.query(DataExportLinks, {}, { requestPolicy: 'network-only' }).toPromise();
      if (fault?.graphQLErrors[0]?.extensions.reason !== CONFIRM_SESSION) {
        const link = data?.viewer?.dataExports.find((each) => each.id === id)?.download ?? null;
        if (!link) error.value = fault ? sentenceFor(fault) : 'This export has been deleted. Request another one.';
        return link;
      }
      const confirmation = await confirmSession();
      if (confirmation === 'confirmed') continue;
      if (confirmation !== 'cancelled') error.value = confirmation.message;
      return null;
    }
  }

  async function download({ id }: DataExport): Promise<void> {
    if (downloading.value) return;
    downloading.value = id;
    error.value = '';
    const link = await linkTo(id);
    if (link !== null) {
      error.value = await faultOf(link);
      if (!error.value) follow(link);
    }
    downloading.value = null;
    void refresh();
  }

  return { exports, failure, error, isRequesting, isPending, downloading, refresh, request, download };
}
