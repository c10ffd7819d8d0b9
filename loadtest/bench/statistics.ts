/** Medians and percentiles: single runs on a shared machine are noise. */

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1));
  return sorted[at] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return sorted.length === 0 ? Number.NaN : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** How many of ascending numbers are below one. */
export function countBelow(ascending: ArrayLike<number>, limit: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The rounds of several variants that ran in turns, A B C A B C: one list of samples for each. */
export class Turns<Name extends string> {
  readonly #samples = new Map<Name, number[]>();

  add(name: Name, sample: number): void {
    const samples = this.#samples.get(name);
    if (samples) samples.push(sample);
    else this.#samples.set(name, [sample]);
  }

  last(name: Name): number {
    return this.#samples.get(name)?.at(-1) ?? Number.NaN;
  }

  median(name: Name): number {
    return median(this.#samples.get(name) ?? []);
  }

  /** The median of the paired quotients `over / under` of the same turn. */
  ratio(over: Name, under: Name): number {
    const above = this.#samples.get(over) ?? [];
    const below = this.#samples.get(under) ?? [];
    return median(above.map((sample, turn) => sample / below[turn]!));
  }
}
