/** The balance over time as a line that steps where money moved. */

export interface Point {
  /** Milliseconds since 1970. */
  time: number;
  /** For its place on the screen alone: never shown as a number. */
  value: number;
}

export interface Shape {
  line: string;
  area: string;
}

/** The lowest value stands a little above the ground, so that its area is seen. */
const GROUND = 0.08;

/** Points are in order of time; each holds until the next. The line begins at `from` and ends at `to`. */
export function shapeOf(
  points: readonly Point[],
  { from, to, width, height }: { from: number; to: number; width: number; height: number },
): Shape | null {
  const first = points[0];
  if (!first || to <= from) return null;
  const values = points.map(({ value }) => value);
  const lowest = Math.min(...values);
  const highest = Math.max(...values);
  const span = highest - lowest;
  const x = (time: number) => round((width * (Math.max(from, time) - from)) / (to - from));
  const y = (value: number) =>
    span === 0 ? round(height / 2) : round(height * (1 - GROUND) * (1 - (value - lowest) / span));
  let line = `M0 ${String(y(first.value))}`;
  for (const { time, value } of points.slice(1)) line += `H${String(x(time))}V${String(y(value))}`;
  line += `H${String(width)}`;
  return { line, area: `${line}V${String(height)}H0Z` };
}

const round = (number: number) => Math.round(number * 100) / 100;
