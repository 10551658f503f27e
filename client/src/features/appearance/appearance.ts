/** Light, dark or the device's setting, stored in this browser; assets/theme.js applies it before the first paint. */
import { watch } from 'vue';
import { stored } from '@/lib/storage';

export const APPEARANCES = ['system', 'light', 'dark'] as const;
export type Appearance = (typeof APPEARANCES)[number];

/** The colour of the browser's own interface on phones: --canvas of style.css. */
const CANVAS = { light: '#f5f6f8', dark: '#0c0e13' };

export const appearance = stored('appearance', APPEARANCES, 'system');

watch(appearance, show, { immediate: true });

function show(chosen: Appearance): void {
  if (chosen === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  for (const meta of document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')) {
    const ofSystem = meta.getAttribute('media')?.includes('dark') ? 'dark' : 'light';
    meta.content = CANVAS[chosen === 'system' ? ofSystem : chosen];
  }
}
