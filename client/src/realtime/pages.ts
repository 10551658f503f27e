/** Reading lists of the viewer page by page, newest first. */

import type { CombinedError } from '@urql/core';

export interface Page<Node> {
  nodes: Node[];
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
}

export type ReadPage<Node> = (first: number, after: string | null) => Promise<{ page?: Page<Node>; error?: CombinedError }>;

export const FIRST_PAGE = 20;
const PAGE = 100;
const MOST_PAGES = 20;

export const olderCursorOf = ({ pageInfo }: Page<unknown>): string | null =>
  pageInfo.hasNextPage ? pageInfo.endCursor : null;

/** All nodes with a number after that one, oldest first; null if there are too many. Throws if they could not be read. */
export async function readAfter<Node>(
  number: number,
  numberOf: (node: Node) => number,
  read: ReadPage<Node>,
): Promise<Node[] | null> {
  const missed: Node[] = [];
  let after: string | null = null;
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    const { page, error } = await read(PAGE, after);
    if (!page) throw error ?? new Error('The list could not be read.');
    missed.push(...page.nodes.filter((node) => numberOf(node) > number));
    const oldest = page.nodes.at(-1);
    after = olderCursorOf(page);
    if (!oldest || numberOf(oldest) <= number + 1 || after === null) return missed.reverse();
  }
  return null;
}
