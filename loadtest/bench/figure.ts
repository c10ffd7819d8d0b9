/** One measured number, its target, and the line that is printed for it. */

export type Target = { atLeast: number } | { atMost: number };

export type Figure = {
  name: string;
  value: number;
  unit: string;
  /** What `value` is compared with, in the same unit; null where a figure stands alone. */
  baseline: number | null;
  /** The compared number; null without a baseline. */
  ratio: number | null;
  /** In words; null for a figure that is only recorded. */
  target: string | null;
  ok: boolean | null;
};

export type Measured = { value: number; unit: string; baseline?: number; ratio?: number };

/** A ratio is judged where there is one, else the value. */
export function figure(name: string, measured: Measured, target?: Target): Figure {
  const { value, unit, baseline, ratio } = measured;
  return {
    name,
    value: round(value),
    unit,
    baseline: baseline === undefined ? null : round(baseline),
    ratio: ratio === undefined ? null : round(ratio),
    target: target ? inWords(target) : null,
    ok: target ? meets(ratio ?? value, target) : null,
  };
}

function inWords(target: Target): string {
  return "atLeast" in target ? `>= ${target.atLeast}` : `<= ${target.atMost}`;
}

function meets(number: number, target: Target): boolean {
  return "atLeast" in target ? number >= target.atLeast : number <= target.atMost;
}

function round(number: number): number {
  return Number(number.toPrecision(4));
}
