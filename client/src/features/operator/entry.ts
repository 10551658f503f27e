/** Whether the user may enter the back office, and how many proposals wait. */

import { shallowReactive } from 'vue';
import { perUser } from '@/lib/user-scope';
import { read } from './ask';
import { OperatorEntry } from './documents';

interface Entry {
  /**
   * 'missing': the user is no operator. 'factor': they need a second factor first. 'unconfirmed': they did not want to
   * confirm the session.
   */
  state: 'asking' | 'open' | 'missing' | 'factor' | 'unconfirmed' | 'failed';
  message: string;
  /** How many proposals wait, such as "3" or "20+"; empty for none. */
  waiting: string;
}

const current = perUser(() => shallowReactive<Entry>({ state: 'asking', message: '', waiting: '' }));

/** Reactive. */
export const entry = (): Readonly<Entry> => current();

export async function enter(): Promise<void> {
  const mine = current();
  const { data, failure } = await read(OperatorEntry, {});
  if (!failure) {
    const waiting = data.operator?.actions;
    const count = waiting?.nodes.length ?? 0;
    mine.waiting = count === 0 ? '' : `${String(count)}${waiting?.pageInfo.hasNextPage ? '+' : ''}`;
    mine.state = data.operator ? 'open' : 'missing';
    return;
  }
  mine.message = failure.message;
  if (failure.reason === 'ENABLE_SECOND_FACTOR') mine.state = 'factor';
  else if (failure.reason === 'CONFIRM_SESSION') mine.state = 'unconfirmed';
  else if (mine.state !== 'open') mine.state = 'failed';
}
