/** One payment request, as it changes. */

import { useQuery } from '@urql/vue';
import { computed, watch, type Ref } from 'vue';
import { sentenceFor, useRefresh } from '@/api';
import { requestVersion } from './changes';
import { OneBillSplit, OnePaymentRequest, PaymentRequestOfLink } from './documents';

/** By its id: only requester and payer find it. */
export function useRequest(id: () => string) {
  const query = useQuery({ query: OnePaymentRequest, variables: () => ({ id: id() }), requestPolicy: 'cache-and-network' });
  const request = computed(() => {
    const node = query.data.value?.node;
    return node?.__typename === 'PaymentRequest' ? node : null;
  });
  return followed(query, request);
}

/** By the token of its link: everyone who has the link finds it. */
export function useRequestOfLink(token: () => string) {
  const query = useQuery({ query: PaymentRequestOfLink, variables: () => ({ token: token() }), requestPolicy: 'cache-and-network' });
  return followed(query, computed(() => query.data.value?.paymentRequest ?? null));
}

/** A split bill by its id, with its requests. */
export function useSplit(id: () => string) {
  const query = useQuery({ query: OneBillSplit, variables: () => ({ id: id() }), requestPolicy: 'cache-and-network' });
  const split = computed(() => {
    const node = query.data.value?.node;
    return node?.__typename === 'BillSplit' ? node : null;
  });
  const { request, ...rest } = followed(query, split);
  return { split: request, ...rest };
}

type Query = Pick<ReturnType<typeof useQuery>, 'error' | 'fetching' | 'stale' | 'isPaused' | 'executeQuery'>;

function followed<Found>(query: Query, request: Readonly<Ref<Found | null>>) {
  const refresh = useRefresh(query);
  watch(requestVersion, refresh);
  return {
    request,
    /** Why it could not be loaded; empty if it is there, or does not exist. */
    failure: computed(() => (query.error.value && !request.value ? sentenceFor(query.error.value) : '')),
    isLoading: query.fetching,
    refresh,
  };
}
