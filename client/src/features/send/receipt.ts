/** The receipt, loaded while its payment is being confirmed. */

import { defineAsyncComponent, h, type Component } from 'vue';
import Notice from '@/ui/Notice.vue';

const load = () => import('./Receipt.vue');

/** In place of a receipt that could not be loaded: the payment was made in any case. */
const Missing = () => h(Notice, { tone: 'good', title: 'Your money was sent' }, () => 'Its receipt is in your activity.');

export const Receipt = defineAsyncComponent<Component>(() => load().catch(() => Missing));

export function prepareReceipt(): void {
  load().catch(() => undefined);
}
