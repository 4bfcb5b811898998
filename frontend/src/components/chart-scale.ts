/** The arithmetic of a chart over time: axis, lines with gaps, stacked areas. */

export type Value = number | null;

/** From 0 to at least `max`, about four steps of 1, 2 or 5 times a power of ten; whole ones on request. */
export function ticks(max: number, isWhole = false): number[] {
  const raw = Math.max(max, isWhole ? 1 : 1e-3) / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = Math.max(power * ([1, 2, 5, 10].find((m) => m * power >= raw) ?? 10), isWhole ? 1 : 0);
  const count = Math.max(1, Math.ceil(max / step - 1e-9));
  return Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(6)));
}

/** Each series on top of the ones before it; a gap counts as nothing. */
export function stacked(series: readonly (readonly Value[])[]): number[][] {
  const rows: number[][] = [];
  for (const values of series) {
    const below = rows.at(-1);
    rows.push(values.map((value, i) => (value ?? 0) + (below?.[i] ?? 0)));
  }
  return rows;
}

type Place = (value: number) => number;
const at = (value: number) => value.toFixed(1);

/** An SVG path through the values. A value without neighbours is a short dash, or nobody would see it. */
export function linePath(values: readonly Value[], x: Place, y: Place): string {
  return values
    .map((value, i) => {
      if (value === null) return "";
      const isFirst = i === 0 || values[i - 1] === null;
      const isLast = i === values.length - 1 || values[i + 1] === null;
      const point = `${at(x(i))},${at(y(value))}`;
      return isFirst && isLast ? `M${point}h3` : `${isFirst ? "M" : "L"}${point}`;
    })
    .join("");
}

/** The area between two lines of the same length. */
export function areaPath(top: readonly number[], bottom: readonly number[], x: Place, y: Place): string {
  const back = bottom.map((value, i) => `L${at(x(i))},${at(y(value))}`).reverse();
  return `${linePath(top, x, y)}${back.join("")}Z`;
}

/** The last point still grows: without it while it is below the one before and would look like a fall. */
export function withoutFall<T>(points: readonly T[], of: (point: T) => number): readonly T[] {
  const [full, growing] = points.slice(-2);
  return full !== undefined && growing !== undefined && of(growing) < of(full) ? points.slice(0, -1) : points;
}
