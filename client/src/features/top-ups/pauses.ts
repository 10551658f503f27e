/** How often a top-up is looked at while nothing is heard of it. */

const SHORTEST_MILLISECONDS = 1_500;
const LONGEST_MILLISECONDS = 15_000;

/** Until the next look, after so many: soon at first, when most payments are confirmed, then ever more seldom. */
export function pauseAfter(looks: number): number {
  return Math.min(SHORTEST_MILLISECONDS * 1.2 ** looks, LONGEST_MILLISECONDS);
}
