/** Whether the signed-in user is an operator, as the profile says: the navigation asks nothing of its own. */

import { shallowRef, watch, type Ref } from 'vue';
import { perUser } from '@/lib/user-scope';

const role = perUser(() => shallowRef(false));

/** Reactive; false until it is known. */
export const isOperator = (): boolean => role().value;

/** Call it in the layout, which has the profile. */
export function noteRole(known: Readonly<Ref<boolean>>): void {
  watch(known, (value) => (role().value = value), { immediate: true });
}
