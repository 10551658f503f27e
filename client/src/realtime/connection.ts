/** Whether live updates arrive, for the banner to show when they do not. */

import { computed, readonly, ref } from 'vue';

export type Connection = 'fine' | 'reconnecting' | 'offline';

/** A short break is nobody's concern. */
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

/** 'fine' while any transport is up, and for a moment after; always 'fine' while signed out and online. */
export const connection = readonly(state);

/** Calls back whenever the connection is back after it was lost. Answers how to stop that. */
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

/** Someone is signed in and wants to hear of their wallet, or no more. */
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
