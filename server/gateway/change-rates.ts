/** How fast a board moves: what was counted at one look, against the look before it at this gateway. */
export type Counted = { accepted: number; topChanges: number };
export type Rates = { submissionsPerSecond: number; topChangesPerSecond: number; overMs: number };

const BOARDS_MAX = 1_000;
/** A shorter time says nothing: counters are flushed about once a second. */
const OVER_MS_MIN = 1_000;

type Look = Counted & { atMs: number };

export class ChangeRates {
  readonly #looks = new Map<string, { last: Look; before: Look | undefined }>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Undefined at the first look. @param life of the board: another one begins anew */
  look(board: string, life: string, counted: Counted): Rates | undefined {
    const name = `${board} ${life}`;
    const now: Look = { ...counted, atMs: this.#now() };
    const known = this.#looks.get(name);
    const isSoon = known !== undefined && now.atMs - known.last.atMs < OVER_MS_MIN;
    const before = isSoon ? known.before : known?.last;
    this.#looks.delete(name);
    this.#looks.set(name, isSoon ? known : { last: now, before: known?.last });
    if (this.#looks.size > BOARDS_MAX) this.#looks.delete(this.#looks.keys().next().value!);
    if (!before) return undefined;
    const overMs = now.atMs - before.atMs;
    // A failover may have taken some back.
    const perSecond = (change: number): number => Math.max(0, (change * 1000) / overMs);
    return {
      submissionsPerSecond: perSecond(now.accepted - before.accepted),
      topChangesPerSecond: perSecond(now.topChanges - before.topChanges),
      overMs,
    };
  }
}
