/** The balance over time as a stepped line. */

export interface Point {
  /** Milliseconds since 1970. */
  time: number;
  /** Only for its position in the chart: never shown as a number. */
  value: number;
}

export interface Shape {
  line: string;
  area: string;
}

/** The lowest value is a little above the bottom, so that its area is visible. */
const GROUND = 0.08;

/** Points are in chronological order; each value applies until the next. The line goes from `from` to `to`. */
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
