/** Loads the page again after the service was restored to an earlier point in time, as what it shows may no longer exist. */

import { watch } from 'vue';
import { payments } from '@/features/payments/payments';
import { loadAnew } from '@/lib/newer-build';
import { wasRestored } from '@/realtime';
import { mayLoadAnew } from './new-version';

/** Call it once in main.ts. A page on which the user has begun something waits until they leave it: see LoadAgainNotice. */
export function startLoadingAfterRestores(): void {
  const used = { path: '' };
  const noteUse = () => {
    used.path = location.pathname;
  };
  for (const event of ['click', 'input']) addEventListener(event, noteUse, { capture: true });
  watch(wasRestored, (isRestored) => {
    const isInUse = used.path === location.pathname || payments().leftOpen.size > 0;
    if (isRestored && mayLoadAnew.value && !isInUse) loadAnew();
  });
}
