/** Registers the service worker, and notices when a newer version of the client is available than this page is. */
import { computed, readonly, ref } from 'vue';
import { payments } from '@/features/payments/payments';
import { areCookiesBlocked } from '@/lib/blocked';
import { whenIdle } from '@/lib/idle';
import { onRecovered, wasRestored } from '@/realtime';

const WORKER = '/service-worker.js';
const LOOK_MILLISECONDS = 3_600_000;

const isNewer = ref(false);

/** Whether a newer version is available. */
export const newVersion = readonly(isNewer);

/** Whether the next page may be loaded from the service: in a newer version, or because the service was restored. */
export const mayLoadAnew = computed(
  () => (isNewer.value || wasRestored.value) && payments().open.value.length === 0 && !areCookiesBlocked(),
);

/** Call it once in main.ts. Without service workers, as in a browser that blocks storage, it does nothing. */
export function startNewVersions(): void {
  if (!import.meta.env.PROD) return;
  whenIdle(() => void register().catch(() => undefined));
}

async function register(): Promise<void> {
  // Missing on plain http other than localhost; the getter may throw.
  const container = (navigator as { serviceWorker?: ServiceWorkerContainer }).serviceWorker;
  if (!container) return;
  const ask = () => container.controller?.postMessage('which build');
  container.addEventListener('message', ({ data }: MessageEvent<{ entry?: unknown } | null>) => {
    if (typeof data?.entry === 'string') isNewer.value = data.entry !== ownEntry();
  });
  container.addEventListener('controllerchange', ask);
  await container.register(WORKER, { updateViaCache: 'none' });
  ask();
  const look = () => void container.getRegistration().then((found) => found?.update()).catch(() => undefined);
  setInterval(look, LOOK_MILLISECONDS);
  // The service may have been replaced while it could not be reached.
  onRecovered(look);
}

/** The path of the script in index.html. */
function ownEntry(): string {
  const script = document.querySelector<HTMLScriptElement>('script[type=module][src]');
  return script ? new URL(script.src).pathname : '';
}
