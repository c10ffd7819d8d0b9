/**
 * One view of one board in one gateway: the best 10, the best 100, or all published rows.
 *
 * [R 9] Stream frames describe the full top only; the frames of a smaller view are made here, once for all its receivers, and carry
 * `(after, offset]`. Nothing is made when the view did not change, so a view's position is that of its last frame.
 */
import type { Frame, Position, Row, Snapshot, ViewSize } from "../../client-sdk/protocol/messages.ts";
import { diff, mergeFrames } from "./delta.ts";

/** Who follows a view. Both are called in the same turn in which the view changed. */
export type ViewListener = { onFrame(frame: Frame): void; onSnapshot(snapshot: Snapshot): void };

export type RingLimits = {
  /** Frames that a view keeps for those who come back. */
  framesMax: number;
  /** Rows in all those frames. */
  rowsMax: number;
};

type FullTop = { rows: readonly Row[]; total: number };
type Identity = { board: string; season: number };

export class View {
  readonly size: ViewSize;
  readonly #identity: () => Identity;
  readonly #limits: RingLimits;
  readonly listeners = new Set<ViewListener>();
  #rows: readonly Row[] = [];
  #epoch = "";
  #offset = 0;
  #total = 0;
  #ring: Frame[] = [];
  #ringRows = 0;

  constructor(size: ViewSize, identity: () => Identity, limits: RingLimits) {
    this.size = size;
    this.#identity = identity;
    this.#limits = limits;
  }

  get position(): Position {
    return { epoch: this.#epoch, offset: this.#offset };
  }

  get rows(): readonly Row[] {
    return this.#rows;
  }

  /** Start at a position without telling anybody. */
  begin(position: Position, top: FullTop): void {
    this.#epoch = position.epoch;
    this.#offset = position.offset;
    this.#rows = this.#cut(top.rows);
    this.#total = top.total;
    this.#ring = [];
    this.#ringRows = 0;
  }

  /** Put frames that led to the present position into the ring. Only frames of the full top are known from before. */
  recall(frames: readonly Frame[]): void {
    for (const frame of frames) this.#keep(frame);
  }

  /** Go on to the full top at `offset`; listeners hear of it if the view changed. */
  advance(offset: number, top: FullTop): void {
    const rows = this.#cut(top.rows);
    this.#total = top.total;
    const change = diff(this.#rows, rows);
    this.#rows = rows;
    if (change.set.length === 0 && change.drop.length === 0 && this.size !== "all") return;
    const frame: Frame = {
      ...this.#identity(),
      view: this.size,
      epoch: this.#epoch,
      after: this.#offset,
      offset,
      ...change,
      total: top.total,
    };
    this.#offset = offset;
    this.#keep(frame);
    for (const listener of this.listeners) listener.onFrame(frame);
  }

  /** Another life of the feed: everybody takes the snapshot [P-8]. */
  restart(position: Position, top: FullTop): void {
    this.begin(position, top);
    const snapshot = this.snapshot();
    for (const listener of this.listeners) listener.onSnapshot(snapshot);
  }

  snapshot(): Snapshot {
    return {
      ...this.#identity(),
      view: this.size,
      epoch: this.#epoch,
      offset: this.#offset,
      rows: [...this.#rows],
      total: this.#total,
    };
  }

  /** What a receiver at `position` has missed, as at most one merged frame; `undefined` when it needs a snapshot [P-7]. */
  since(position: Position): Frame[] | undefined {
    if (position.epoch !== this.#epoch) return undefined;
    if (position.offset === this.#offset) return [];
    const from = this.#ring.findIndex((frame) => frame.after === position.offset);
    if (from === -1) return undefined;
    const missed = this.#ring.slice(from);
    return missed.length === 1 ? missed : [mergeFrames(missed)];
  }

  #cut(rows: readonly Row[]): readonly Row[] {
    return this.size === "all" ? rows : rows.slice(0, this.size);
  }

  #keep(frame: Frame): void {
    this.#ring.push(frame);
    this.#ringRows += frame.set.length + frame.drop.length;
    while (this.#ring.length > this.#limits.framesMax || this.#ringRows > this.#limits.rowsMax) {
      const oldest = this.#ring.shift();
      if (!oldest) break;
      this.#ringRows -= oldest.set.length + oldest.drop.length;
    }
  }
}
