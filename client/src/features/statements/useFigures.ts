/** Figures for a range of dates, which follow what happens in the wallet. */

import type { AnyVariables, TypedDocumentNode } from '@urql/core';
import { useQuery } from '@urql/vue';
import { computed, onScopeDispose, type Ref } from 'vue';
import { sentenceFor, useRefresh } from '@/api';
import { onRecovered, onTransaction } from '@/realtime';
import type { DateRange, RangeFaults } from './ranges';

interface Refused {
  __typename: 'InvalidInput';
  message: string;
  fields: { path: string[]; message: string }[];
}

/** `resultOf` finds the result in the answer to the document. */
export function useFigures<Data, Result extends { __typename: string }>(
  document: TypedDocumentNode<Data, DateRange & AnyVariables>,
  range: Readonly<Ref<DateRange | null>>,
  resultOf: (data: Data) => Result | Refused | undefined,
) {
  const query = useQuery({
    query: document,
    variables: () => (range.value ?? { from: '', to: '' }) as DateRange & AnyVariables,
    pause: computed(() => range.value === null),
    requestPolicy: 'cache-and-network',
  });
  const result = computed(() => (query.data.value ? resultOf(query.data.value) : undefined));
  const isRefused = (found: Result | Refused | undefined): found is Refused => found?.__typename === 'InvalidInput';
  /** Null until it is loaded, and if the range was refused. */
  const figures = computed(() => (result.value && !isRefused(result.value) ? (result.value as Exclude<Result, Refused>) : null));
  const refused = computed<RangeFaults>(() => {
    if (!isRefused(result.value)) return {};
    const faults = result.value.fields.map(({ path, message }) => [path.at(-1) === 'to' ? 'to' : 'from', message]);
    return faults.length > 0 ? (Object.fromEntries(faults) as RangeFaults) : { from: result.value.message };
  });
  const failure = computed(() => (query.error.value ? sentenceFor(query.error.value) : ''));

  const read = useRefresh(query);
  function refresh(): void {
    if (range.value) read();
  }
  onScopeDispose(onTransaction(refresh));
  onScopeDispose(onRecovered(() => failure.value && refresh()));
  return { figures, refused, failure, refresh, isLoading: query.fetching };
}
