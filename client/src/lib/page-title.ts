/** The title of the page in the browser's tab. */
import { toValue, watchEffect, type MaybeRefOrGetter } from 'vue';

export function setPageTitle(title: string | undefined): void {
  document.title = title ? `${title} · Mini Wallet` : 'Mini Wallet';
}

/** For a page whose title depends on its data; an empty title changes nothing. */
export function usePageTitle(title: MaybeRefOrGetter<string | undefined>): void {
  watchEffect(() => {
    const text = toValue(title);
    if (text) setPageTitle(text);
  });
}
