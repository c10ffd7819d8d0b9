/** A feed as history reads it: frames with their instants, and where they are lost the top as it is now. */
import type { Position } from "../../client-sdk/protocol/messages.ts";
import { fromRedisError, tagged } from "../redis/reply.ts";
import { runScript } from "../redis/scripts.ts";
import type { RedisStore } from "../redis/store.ts";
import type { FeedOf, StoredRow } from "./feed-store.ts";
import { decodeMessage, type StoredFrame } from "./stored-frame.ts";

/** With the instant at which it was published, in ms by Redis's clock. */
export type TimedFrame = StoredFrame & { atMs: number };

export type FeedRead = {
  /** Redis's clock at the reading. */
  nowMs: number;
  /** Where the feed is, and how many members its board had there. */
  head: Position & { total: number; atMs: number };
  /** False where frames behind the position are lost, or the epoch is another one. */
  follows: boolean;
  /** The next ones, each after the one before; none where they do not follow. */
  frames: TimedFrame[];
  /** At the head, best first; undefined where it was not asked for, or the frames do not reach the head. */
  top: StoredRow[] | undefined;
};

/**
 * At most `max` frames behind a position, in one step.
 * @param after undefined: from the feed's beginning on
 * @returns `unsettled` after a change of Redis's replication history that no merger has answered yet. @throws AppError unavailable
 */
export async function readFeedLog(
  redis: RedisStore,
  { incarnation, keys }: FeedOf,
  after: Position | undefined,
  { max, withTop = false }: { max: number; withTop?: boolean },
): Promise<FeedRead | "unsettled" | "store_lost"> {
  const { epoch, offset } = after ?? { epoch: "", offset: 0 };
  const args = [incarnation, epoch, offset, max, withTop ? 1 : 0];
  const reply = await runScript(redis, "feed/read_frames", [keys.state, keys.top, keys.frames], args).catch(
    (error: unknown) => {
      throw fromRedisError(error);
    },
  );
  const { tag, rest } = tagged(reply, ["read", "unsettled", "store_lost"]);
  if (tag !== "read") return tag;
  const [now, headEpoch, headOffset, total, newest, follows, found, rows] = rest as [
    string,
    string,
    string,
    string,
    string,
    number,
    string[],
    string[],
  ];
  const frames: TimedFrame[] = [];
  for (let i = 0; i + 1 < found.length; i += 2) {
    frames.push({ ...(decodeMessage(found[i + 1]!) as StoredFrame), atMs: Number(found[i]) });
  }
  const head = { epoch: headEpoch, offset: Number(headOffset), total: Number(total), atMs: Number(newest) };
  const isAtHead = frames.at(-1)?.offset === head.offset || (after?.offset ?? 0) === head.offset;
  const isTop = follows === 0 || (withTop && isAtHead);
  return { nowMs: Number(now), head, follows: follows === 1, frames, top: isTop ? rowsIn(rows) : undefined };
}

function rowsIn(flat: readonly string[]): StoredRow[] {
  const rows: StoredRow[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) rows.push({ member: flat[i]!, score: Number(flat[i + 1]) });
  return rows;
}
