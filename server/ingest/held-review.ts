/**
 * Submissions that are held for review: listed, approved, rejected.
 *
 * Approving is a submission that the shard applies and takes out of review in one step, so it counts once, whoever asks how often and
 * whatever dies in between; until then it counts nowhere.
 */
import type { SubmissionResult } from "../../client-sdk/protocol/messages.ts";
import { AppError } from "../base/errors.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { heldIds, heldTexts, takeHeld } from "../leaderboard/held-store.ts";
import type { RedisStore } from "../redis/store.ts";
import { type HeldSubmission, heldSubmission } from "./held-record.ts";
import type { Ingest } from "./ingest.ts";

export type HeldPage = { held: HeldSubmission[]; cursor?: string };

const HELD_ID = /^(\d{1,2})\.([A-Za-z0-9_-]{1,32})$/;

export class HeldReview {
  readonly #redis: RedisStore;
  readonly #ingest: Ingest;

  constructor({ redis, ingest }: { redis: RedisStore; ingest: Ingest }) {
    this.#redis = redis;
    this.#ingest = ingest;
  }

  /**
   * A page, in an order that has nothing to do with time but does not change.
   * @param cursor of the page before
   * @throws AppError cursor_invalid, unavailable
   */
  async list(open: OpenBoard, limit: number, cursor?: string): Promise<HeldPage> {
    const after = cursor === undefined ? { shard: 0, id: "" } : partsOf(open, cursor);
    if (!after) throw new AppError("cursor_invalid");
    const held: HeldSubmission[] = [];
    for (let shard = after.shard; shard < open.shards.length; shard++) {
      const before = shard === after.shard ? after.id : "";
      const ids = (await heldIds(this.#redis, open, shard)).filter((id) => id > before);
      const asked = ids.slice(0, limit - held.length);
      const texts = await heldTexts(this.#redis, open, shard, asked);
      asked.forEach((id, i) => {
        const text = texts[i];
        // Somebody else may have judged it meanwhile.
        if (text) held.push(heldSubmission(open, `${shard}.${id}`, text));
      });
      const last = asked.at(-1);
      if (last !== undefined && ids.length > asked.length) return { held, cursor: `${shard}.${last}` };
      if (held.length >= limit && shard + 1 < open.shards.length) return { held, cursor: `${shard + 1}.-` };
    }
    return { held };
  }

  /**
   * Let it count, by its own time of arrival. A result of `rejected` leaves it held: its values do not fit the entry as it is now.
   * @throws AppError held_not_found, season_closed, store_lost, unavailable
   */
  async approve(
    open: OpenBoard,
    held: string,
  ): Promise<{ submission: HeldSubmission; result: SubmissionResult }> {
    const { shard, id } = this.#find(open, held);
    const [text] = await heldTexts(this.#redis, open, shard, [id]);
    if (!text) throw new AppError("held_not_found");
    const submission = heldSubmission(open, held, text);
    const { member, score, columns, id: ownId, metadata, arrivedAtMs } = submission;
    const approved = {
      member,
      score,
      approves: id,
      ...(columns === undefined ? {} : { columns }),
      ...(ownId === undefined ? {} : { id: ownId }),
      // The board may take none any more.
      ...(metadata === undefined || !open.board.metadata ? {} : { metadata }),
    };
    const result = await this.#ingest.submitAsOf(open, approved, arrivedAtMs);
    if (result.outcome === "rejected" && result.error.code !== "out_of_range") {
      const { code, message, retryAfterMs } = result.error;
      throw new AppError(code, { message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
    }
    return { submission, result };
  }

  /** Take it out of review without counting it. @throws AppError held_not_found, store_lost, unavailable */
  async reject(open: OpenBoard, held: string): Promise<HeldSubmission> {
    const { shard, id } = this.#find(open, held);
    const taken = await takeHeld(this.#redis, open, shard, id);
    if (taken.tag !== "taken") throw new AppError(taken.tag === "gone" ? "held_not_found" : taken.tag);
    return heldSubmission(open, held, taken.text);
  }

  #find(open: OpenBoard, held: string): { shard: number; id: string } {
    const parts = partsOf(open, held);
    if (!parts) throw new AppError("held_not_found");
    return parts;
  }
}

function partsOf({ shards }: OpenBoard, held: string): { shard: number; id: string } | undefined {
  const [, shard, id] = HELD_ID.exec(held) ?? [];
  if (shard === undefined || id === undefined || Number(shard) >= shards.length) return undefined;
  return { shard: Number(shard), id };
}
