/** Light, dark, or as the system has it: kept in this browser; assets/theme.js sets it before the first paint. */
import { watch } from 'vue';
import { useStored } from '@/lib/storage';

export const APPEARANCES = ['system', 'light', 'dark'] as const;
export type Appearance = (typeof APPEARANCES)[number];

export const appearance = useStored('appearance', APPEARANCES, 'system');

watch(
  appearance,
  (chosen) => {
    if (chosen === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen;
  },
  { immediate: true },
);
