import { linePath } from "./chart-scale";

const WIDTH = 96;
const HEIGHT = 22;

interface Props {
  values: readonly number[];
  label: string;
  color?: string;
}

/** A line without axes: whether something goes up or down, not how much. */
export function Sparkline({ values, label, color = "light-dark(#2f7fd1, #5aa9f0)" }: Props) {
  const highest = Math.max(1, ...values);
  const x = (i: number) => 1 + (i * (WIDTH - 2)) / Math.max(1, values.length - 1);
  const y = (value: number) => HEIGHT - 2 - (value * (HEIGHT - 4)) / highest;
  return (
    <svg width={WIDTH} height={HEIGHT} role="img" aria-label={label} style={{ verticalAlign: "middle" }}>
      <path d={linePath(values, x, y)} fill="none" stroke={color} strokeWidth={1.5} strokeLinejoin="round" />
    </svg>
  );
}
