/** What all parts of a wallet are made of. */

import type { PageInfo } from './generated.js';
import type { Operation } from './operation.js';
import type { Transport } from './transport.js';

/** Operations of one wallet. */
export abstract class Part {
  protected abstract readonly transport: Transport;

  /** An operation that would have another effect if it were repeated. */
  protected once<Variables extends object, Result>(
    operation: Operation<Variables, Result>,
    variables: Variables,
  ): Promise<Result> {
    return this.transport.execute(operation, variables, { isRepeatable: false });
  }
}

interface Page<Item> {
  readonly nodes: readonly Item[];
  readonly pageInfo: PageInfo;
}

/** The items of all pages of a list. */
export async function* pages<Item>(
  read: (after: string | null) => Promise<Page<Item>>,
): AsyncGenerator<Item, void, undefined> {
  let after: string | null = null;
  for (;;) {
    const page: Page<Item> = await read(after);
    yield* page.nodes;
    if (!page.pageInfo.hasNextPage) return;
    after = page.pageInfo.endCursor;
  }
}
