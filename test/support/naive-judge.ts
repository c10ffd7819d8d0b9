/** The naive model of score rules: every accepted change with its time, added up on demand. */
import type { ScoreRules } from "../../client-sdk/protocol/messages.ts";

const BUCKET_MS = 10_000;
const BUCKETS = 7;

export type NaiveVerdict = { rule: "maxChange" | "maxChangePerMinute" | "minIntervalMs"; value: number };
type Change = { at: number; by: number };

export class NaiveJudge {
  readonly #rules: ScoreRules;
  readonly #changes = new Map<string, Change[]>();

  constructor(rules: ScoreRules) {
    this.#rules = rules;
  }

  /** Undefined when the change is allowed. */
  judge(member: string, by: number, at: number): NaiveVerdict | undefined {
    const { maxChange, minIntervalMs, maxChangePerMinute } = this.#rules;
    if (maxChange !== undefined && by > maxChange) return { rule: "maxChange", value: by };
    const changes = this.#changes.get(member) ?? [];
    const last = changes.at(-1);
    if (minIntervalMs !== undefined && last && at - last.at < minIntervalMs) {
      return { rule: "minIntervalMs", value: at - last.at };
    }
    if (maxChangePerMinute === undefined) return undefined;
    const sum = this.#sumWithin(changes, at) + by;
    return sum > maxChangePerMinute ? { rule: "maxChangePerMinute", value: sum } : undefined;
  }

  accept(member: string, by: number, at: number): void {
    this.#changes.set(member, [...(this.#changes.get(member) ?? []), { at, by }]);
  }

  /** What any 60 s that end at `at` have seen is at most this. */
  #sumWithin(changes: Change[], at: number): number {
    const bucketOf = (time: number): number => Math.floor(time / BUCKET_MS);
    return changes
      .filter(({ at: then }) => bucketOf(then) > bucketOf(at) - BUCKETS)
      .reduce((sum, { by }) => sum + by, 0);
  }

  /** Every 60 s, from any change on, hold the limit: the promise itself, not how it is kept. */
  worstMinute(): number {
    const all = [...this.#changes.values()];
    const sums = all.flatMap((changes) =>
      changes.map(({ at }) =>
        changes
          .filter((other) => other.at >= at && other.at < at + 60_000)
          .reduce((sum, { by }) => sum + by, 0),
      ),
    );
    return Math.max(0, ...sums);
  }
}
