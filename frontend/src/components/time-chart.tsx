import { useElementSize } from "@mantine/hooks";
import { type KeyboardEvent, useState } from "react";
import { areaPath, linePath, stacked, ticks, type Value } from "./chart-scale";
import classes from "./time-chart.module.css";

interface Series {
  label: string;
  color: string;
  dash?: string;
  values: readonly Value[];
}

interface Props {
  label: string;
  /** One for each value. */
  times: readonly string[];
  series: readonly Series[];
  height: number;
  isStacked?: boolean;
  format: (value: number) => string;
  /** The axis has whole numbers only. */
  isWhole?: boolean;
}

const PAD = { left: 52, right: 8, top: 8, bottom: 22 };
const LABEL_WIDTH = 90;
const TIP_WIDTH = 170;

const Mark = ({ color, dash }: Pick<Series, "color" | "dash">) => (
  <svg width="18" height="8" aria-hidden="true">
    <line x1="0" x2="18" y1="4" y2="4" stroke={color} strokeWidth="3" strokeDasharray={dash} />
  </svg>
);

function Legend({ series }: Pick<Props, "series">) {
  return (
    <ul className={classes.legend}>
      {series.map(({ label, color, dash }) => (
        <li key={label}>
          <Mark color={color} dash={dash} />
          {label}
        </li>
      ))}
    </ul>
  );
}

/** What a point says, for the tip and for a screen reader. */
const told = (series: readonly Series[], i: number, format: Props["format"]) =>
  series.map(({ label, values }) => ({ label, text: values[i] == null ? "—" : format(values[i]) }));

/** Where a series adds nothing, the line below it is the one to see. */
const withoutZeros = (top: readonly Value[], values: readonly Value[]) =>
  top.map((value, i) => (values[i] ? value : null));

/** Lines over time, or areas on top of one another. The arrow keys read the points like a slider. */
export function TimeChart({ label, times, series, height, isStacked = false, format, isWhole }: Props) {
  const { ref, width } = useElementSize();
  const [chosen, setChosen] = useState<number | null>(null);
  const last = times.length - 1;
  const tops = isStacked ? stacked(series.map(({ values }) => values)) : series.map(({ values }) => values);
  const axis = ticks(Math.max(0, ...tops.flat().map((value) => value ?? 0)), isWhole);
  const highest = axis.at(-1) ?? 1;
  const inner = Math.max(1, width - PAD.left - PAD.right);
  const x = (i: number) => PAD.left + (i * inner) / Math.max(1, last);
  const y = (value: number) => PAD.top + (1 - value / highest) * (height - PAD.top - PAD.bottom);
  const every = Math.max(1, Math.ceil(times.length / Math.max(1, Math.floor(inner / LABEL_WIDTH))));
  const point = chosen === null ? null : Math.min(chosen, last);
  const read = point ?? last;

  function onKeyDown(event: KeyboardEvent) {
    const to = { ArrowLeft: read - 1, ArrowRight: read + 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    setChosen(Math.min(last, Math.max(0, to)));
  }

  return (
    <div>
      <Legend series={series} />
      <div
        ref={ref}
        className={classes.plot}
        style={{ height }}
        role="slider"
        tabIndex={0}
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={last}
        aria-valuenow={read}
        aria-valuetext={`${times[read]}: ${told(series, read, format)
          .map(({ label, text }) => `${label} ${text}`)
          .join(", ")}`}
        onKeyDown={onKeyDown}
        onBlur={() => setChosen(null)}
        onPointerMove={(event) => {
          const left = event.clientX - event.currentTarget.getBoundingClientRect().left;
          setChosen(Math.min(last, Math.max(0, Math.round(((left - PAD.left) / inner) * last))));
        }}
        onPointerLeave={() => setChosen(null)}
      >
        {width > 0 && (
          <svg width={width} height={height} aria-hidden="true">
            {axis.map((value) => (
              <g key={value}>
                <line
                  className={classes.grid}
                  x1={PAD.left}
                  x2={width - PAD.right}
                  y1={y(value)}
                  y2={y(value)}
                />
                <text className={classes.tick} x={PAD.left - 6} y={y(value) + 4} textAnchor="end">
                  {format(value)}
                </text>
              </g>
            ))}
            {times.map(
              (time, i) =>
                i % every === Math.floor(every / 2) && (
                  <text key={time} className={classes.tick} x={x(i)} y={height - 6} textAnchor="middle">
                    {time}
                  </text>
                ),
            )}
            {series.map(({ label, color, dash, values }, k) => {
              const top = tops[k] ?? [];
              const below = (tops[k - 1] ?? top.map(() => 0)) as number[];
              return (
                <g key={label}>
                  {isStacked && (
                    <path d={areaPath(top as number[], below, x, y)} fill={color} opacity={0.22} />
                  )}
                  <path
                    d={linePath(isStacked && k > 0 ? withoutZeros(top, values) : top, x, y)}
                    fill="none"
                    stroke={color}
                    strokeWidth={2}
                    strokeDasharray={dash}
                    strokeLinejoin="round"
                  />
                </g>
              );
            })}
            {point !== null && (
              <line
                className={classes.cursor}
                x1={x(point)}
                x2={x(point)}
                y1={PAD.top}
                y2={height - PAD.bottom}
              />
            )}
          </svg>
        )}
        {point !== null && (
          <div
            className={classes.tip}
            aria-hidden="true"
            style={{ width: TIP_WIDTH, left: Math.max(0, Math.min(x(point) + 10, width - TIP_WIDTH)) }}
          >
            <b>{times[point]}</b>
            {told(series, point, format).map(({ label, text }, k) => (
              <div key={label}>
                <i style={{ background: series[k]?.color }} />
                {label}: {text}
              </div>
            ))}
          </div>
        )}
      </div>
    </div>
  );
}
