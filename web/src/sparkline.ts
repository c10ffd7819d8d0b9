/** A small line without axes: the shape of the last minute. */
import { makeSvg } from "./dom.ts";

export type SparklineOptions = {
  /** Values across the whole width; fewer start further right. */
  points: number;
  /** The value of the bottom edge; without one the smallest shown. */
  floor?: number;
  /** Least distance between bottom and top, so that a calm line looks calm. */
  spanMin: number;
  /** Smaller values are drawn higher: ranks. */
  inverted?: boolean;
};

const WIDTH = 100;
const HEIGHT = 30;
/** Room for the line's own width. */
const MARGIN = 2;

export class Sparkline {
  readonly #options: SparklineOptions;
  readonly #line = makeSvg("path", { class: "spark-line" });
  readonly #area = makeSvg("path", { class: "spark-area" });

  constructor(svg: SVGSVGElement, options: SparklineOptions) {
    this.#options = options;
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.append(this.#area, this.#line);
  }

  draw(values: readonly number[]): void {
    const path = pathOf(values, this.#options);
    this.#line.setAttribute("d", path);
    this.#area.setAttribute("d", path && `${path}V${HEIGHT}H${startOf(values, this.#options)}Z`);
  }
}

function startOf(values: readonly number[], { points }: SparklineOptions): number {
  return WIDTH - ((values.length - 1) * WIDTH) / (points - 1);
}

function pathOf(values: readonly number[], options: SparklineOptions): string {
  if (values.length < 2) return "";
  const { points, floor, spanMin, inverted } = options;
  const drawn = inverted ? values.map((value) => -value) : values;
  const low = floor ?? Math.min(...drawn);
  const span = Math.max(spanMin, Math.max(...drawn) - low);
  const step = WIDTH / (points - 1);
  const start = startOf(values, options);
  return drawn
    .map((value, i) => {
      const x = start + i * step;
      const y = HEIGHT - MARGIN - ((value - low) / span) * (HEIGHT - 2 * MARGIN);
      return `${i === 0 ? "M" : "L"}${x.toFixed(2)} ${y.toFixed(2)}`;
    })
    .join("");
}
