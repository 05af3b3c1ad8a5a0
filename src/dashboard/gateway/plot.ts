import uPlot from "uplot";

/** A line of a chart. Its dashes tell it from the others where colours cannot. */
export interface Line {
  readonly label: string;
  readonly values: readonly (number | undefined)[];
}

export interface Plotted {
  readonly timesMs: readonly number[];
  readonly lines: readonly Line[];
}

interface Looks {
  /** One for each line, as the browser computes them. */
  readonly colours: readonly string[];
  readonly ink: string;
  readonly grid: string;
  readonly font: string;
}

interface PlotParts {
  readonly target: HTMLElement;
  readonly plotted: Plotted;
  readonly looks: Looks;
  readonly width: number;
  readonly format: (value: number) => string;
  /** What the axis reaches at the least: that nothing happens must not look like much. */
  readonly least: number;
  /** By how much one mark of the axis may differ from the next. */
  readonly steps?: readonly number[];
  /** Called with the place in the data that is pointed at; undefined when there is none. */
  readonly onPoint: (at: number | undefined) => void;
}

/** The dashes of the first, second and third line, in pixels. */
export const dashes: readonly (readonly number[])[] = [[], [7, 4], [2, 3]];

/** Marks for bytes, which are counted in powers of two. */
export const byteSteps: readonly number[] = Array.from({ length: 40 }, (_, i) => 2 ** i);

const height = 150;

/** Draws a chart. */
export function plot({ target, plotted, looks, width, format, least, steps, onPoint }: PlotParts): uPlot {
  const axis = { stroke: looks.ink, font: looks.font, ticks: { show: false }, grid: { stroke: looks.grid, width: 1 } };
  const options: uPlot.Options = {
    width,
    height,
    legend: { show: false },
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
    scales: { x: { time: true, range: window }, y: { range: (_, __, most) => [0, Math.max(most * 1.15, least)] } },
    axes: [
      { ...axis, space: 70, size: 24, values: (_, times) => times.map(clock) },
      {
        ...axis,
        ...(steps ? { incrs: [...steps] } : {}),
        size: 62,
        space: 34,
        values: (_, values) => values.map(format),
      },
    ],
    series: [
      {},
      ...plotted.lines.map(({ label }, i) => ({
        label,
        stroke: looks.colours[i] ?? looks.ink,
        width: 1.5,
        dash: [...(dashes[i] ?? [])],
        points: { show: false },
      })),
    ],
    hooks: { setCursor: [({ cursor: { idx } }) => onPoint(idx ?? undefined)] },
  };
  return new uPlot(options, alignedData(plotted), target);
}

/** The data as uPlot takes it: seconds, then the values of each line. */
export function alignedData({ timesMs, lines }: Plotted): uPlot.AlignedData {
  return [timesMs.map((ms) => ms / 1000), ...lines.map(({ values }) => values.map((value) => value ?? null))];
}

export function chartSize(width: number): { readonly width: number; readonly height: number } {
  return { width, height };
}

/** At least a minute, so that the first reports do not fill the whole chart. */
function window(_: uPlot, from: number, to: number): [number, number] {
  return [Math.min(from, to - 60), to];
}

function clock(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString("en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
}
