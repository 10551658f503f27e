/** Whether live updates arrive; a banner tells the user if they do not. */

import { computed, readonly, ref } from 'vue';

export type Connection = 'fine' | 'reconnecting' | 'offline';

/** Shorter interruptions are not shown. */
const GRACE_MILLISECONDS = 2_500;

const online = ref(typeof navigator === 'undefined' || navigator.onLine);
const broken = ref(false);
const up = new Set<string>();
const listeners = new Set<() => void>();
let started = false;
let timer: ReturnType<typeof setTimeout> | undefined;

const state = computed<Connection>(() =>
  !online.value ? 'offline' : broken.value ? 'reconnecting' : 'fine',
);

/** 'fine' while any transport is connected, and briefly after; always 'fine' while signed out and online. */
export const connection = readonly(state);

/** Calls back whenever a lost connection is restored. Returns a function that unsubscribes. */
export function onRecovered(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The transports report here. */
export function setTransport(name: string, isUp: boolean): void {
  if (isUp) up.add(name);
  else up.delete(name);
  judge();
}

export function isTransportUp(name: string): boolean {
  return up.has(name);
}

/** Whether live updates are expected. */
export function setListening(isListening: boolean): void {
  started = isListening;
  if (!isListening) up.clear();
  judge();
}

function judge(): void {
  if (!started || up.size > 0) {
    clearTimeout(timer);
    timer = undefined;
    if (broken.value) {
      broken.value = false;
      tell();
    }
  } else {
    timer ??= setTimeout(() => {
      broken.value = true;
    }, GRACE_MILLISECONDS);
  }
}

function tell(): void {
  for (const listener of [...listeners]) listener();
}

if (typeof addEventListener === 'function') {
  addEventListener('online', () => {
    online.value = true;
    tell();
  });
  addEventListener('offline', () => {
    online.value = false;
  });
}
