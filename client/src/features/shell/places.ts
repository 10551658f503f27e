/** What an entry of the navigation is, and how the entries are arranged. */
import { Ellipsis } from 'lucide-vue-next';
import type { Component } from 'vue';

/** A page of the wallet that can be reached from everywhere. */
export interface Place {
  to: string;
  label: string;
  icon: Component;
  /**
   * Where it is on phones: in the bar at the bottom, behind its button for moving money, in the header, or behind "More".
   * The sidebar of wide screens shows all places.
   */
  onPhones: 'bar' | 'pay' | 'header' | 'more';
  /** What can be done there, in a few words. */
  words: string;
  /** How many things there are new or waiting; 0 shows nothing. */
  count?: () => number;
  /** What these are called, as in "Notifications, 3 unread". */
  countName?: string;
  /** Whether this user has it; everyone if missing. */
  isShown?: () => boolean;
}

export const isShown = (place: Place): boolean => place.isShown?.() ?? true;

/** A button of the bar at the bottom that opens a list of places. */
export interface PlaceGroup {
  label: string;
  icon: Component;
  /** Stands out, because it is what people open the wallet for. */
  isMain: boolean;
  places: readonly Place[];
}

export type BarItem = Place | PlaceGroup;

const BEFORE_PAY = 2;

/** The bar at the bottom: at most five items, with money in the middle. A group of one place is that place itself. */
export function barOf(places: readonly Place[], payIcon: Component): BarItem[] {
  const on = (where: Place['onPhones']) => places.filter(({ onPhones }) => onPhones === where);
  const bar: BarItem[] = on('bar');
  bar.splice(BEFORE_PAY, 0, ...grouped({ label: 'Pay', icon: payIcon, isMain: true, places: on('pay') }));
  return [...bar, ...grouped({ label: 'More', icon: Ellipsis, isMain: false, places: on('more') })];
}

function grouped(group: PlaceGroup): BarItem[] {
  return group.places.length > 1 ? [group] : [...group.places];
}

export const isGroup = (item: BarItem): item is PlaceGroup => 'places' in item;

/** The `aria-current` of a link to that place on the page with that path; `true` on pages below it. */
export function currentOf(path: string, place: string): 'page' | 'true' | undefined {
  if (path === place) return 'page';
  return place !== '/' && path.startsWith(`${place}/`) ? 'true' : undefined;
}

/** How many things are new or waiting behind a group. */
export function countIn({ places }: PlaceGroup): number {
  return places.reduce((sum, { count }) => sum + (count?.() ?? 0), 0);
}
