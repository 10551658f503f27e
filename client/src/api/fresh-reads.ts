/** Queries under way when a mutation has succeeded are sent again: their responses may be from before it. */

import { makeOperation, type Exchange, type Operation } from '@urql/core';
import { makeSubject, merge, pipe, tap } from 'wonka';

/**
 * Otherwise, such a response would replace what the mutation changed, and stay. A `network-only` refresh after the
 * mutation would not help, because the client does not send a query that is still under way a second time.
 */
export const freshReads: Exchange = ({ forward }) => {
  const underWay = new Map<number, Operation>();
  const again = makeSubject<Operation>();

  function note(operation: Operation): void {
    if (operation.kind === 'query') underWay.set(operation.key, operation);
    else if (operation.kind === 'teardown') underWay.delete(operation.key);
  }

  function sendAgain(): void {
    for (const operation of [...underWay.values()]) {
      again.next(makeOperation('teardown', operation, operation.context));
      again.next(operation);
    }
  }

  return (operations$) =>
    pipe(
      merge([pipe(operations$, tap(note)), again.source]),
      forward,
      tap(({ operation, data }) => {
        if (operation.kind === 'mutation') {
          if (data) sendAgain();
        } else if (operation.kind === 'query') underWay.delete(operation.key);
      }),
    );
};
