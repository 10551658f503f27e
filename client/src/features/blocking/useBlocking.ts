/** Blocking and unblocking users. */

import { useQuery } from '@urql/vue';
import { computed } from 'vue';
import { client, sentenceFor } from '@/api';
import { BlockedUsers, BlockUser, UnblockUser } from './documents';

export function useBlockedUsers() {
  const query = useQuery({ query: BlockedUsers, variables: {}, requestPolicy: 'cache-and-network' });
  return {
    /** Null until they are loaded. */
    blocked: computed(() => query.data.value?.viewer?.blockedUsers ?? null),
    failure: computed(() => (query.error.value && !query.data.value ? sentenceFor(query.error.value) : '')),
    retry: () => void query.executeQuery({ requestPolicy: 'network-only' }),
  };
}

/** Returns null, or a message why it failed. */
export async function block(userId: string): Promise<string | null> {
  const { data, error } = await client.value.mutation(BlockUser, { userId }).toPromise();
  const result = data?.blockUser;
  if (error || !result) return error ? sentenceFor(error) : 'Something went wrong. Try again.';
  return result.__typename === 'BlockedUsersChanged' ? null : result.message;
}

/** Likewise. */
export async function unblock(userId: string): Promise<string | null> {
  const { data, error } = await client.value.mutation(UnblockUser, { userId }).toPromise();
  const result = data?.unblockUser;
  if (error || !result) return error ? sentenceFor(error) : 'Something went wrong. Try again.';
  return result.__typename === 'BlockedUsersChanged' ? null : result.message;
}
