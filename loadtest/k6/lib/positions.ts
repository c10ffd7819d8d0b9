/** Whether frames follow each other [P-4], told from their first few fields. Pure. */
import type { Frame, Position } from "../../../client-sdk/protocol/messages.ts";
import { argumentOf } from "./packet.ts";

export type FrameHead = { epoch: string; after: number; offset: number };

const HEAD = /"epoch":"([^"\\]*)","after":(\d+),"offset":(\d+)/;
const HEAD_MAX = 400;

/** Parsing every row of every frame is what a load generator would spend its time on, so only the head is read. */
export function headOf(event: { json: string }): FrameHead {
  const found = HEAD.exec(event.json.slice(0, HEAD_MAX));
  if (found) return { epoch: found[1]!, after: Number(found[2]), offset: Number(found[3]) };
  const { epoch, after, offset } = argumentOf<Frame>(event);
  return { epoch, after, offset };
}

export class PositionTrack {
  #at: Position | undefined;

  get at(): Position | undefined {
    return this.#at;
  }

  /** A snapshot. */
  start({ epoch, offset }: Position): void {
    this.#at = { epoch, offset };
  }

  /** `gap` moves nothing: the receiver must ask again [P-6]. */
  take({ epoch, after, offset }: FrameHead): "next" | "old" | "gap" {
    const at = this.#at;
    if (!at || at.epoch !== epoch) return "gap";
    if (offset <= at.offset) return "old";
    if (after !== at.offset) return "gap";
    this.#at = { epoch, offset };
    return "next";
  }
}
