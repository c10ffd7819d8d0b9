/** A board as the application holds it: submit, follow, ask. */

import type { BoardMemory } from "./board-memory.ts";
import type { Connection } from "./connection.ts";
import type { Environment } from "./environment.ts";
import { ownError } from "./errors.ts";
import { getOrMake } from "./get-or-make.ts";
import type { Limits } from "./limits.ts";
import { ask } from "./patient-request.ts";
import type { BoardInfo, RankAnswer, SubmissionResult, ViewSize } from "./protocol/messages.ts";
import type { SubmitQueue } from "./submit-queue.ts";
import type { Subscription } from "./subscription.ts";
import { createTopStore, type TopStore, viewSizeFor } from "./top-store.ts";

export type SubmitOptions = {
  /** The first column. */
  score: number;
  /** The others by name; 64-bit integers beyond 2^53 as decimal text. */
  columns?: Record<string, number | string>;
  /** The idempotency key; made by the client when absent. Pass one to submit the same thing again after a restart. */
  id?: string;
  /** Kept beside the entry on boards that have metadata; at most 256 bytes. */
  metadata?: string;
};

export type Board = {
  readonly id: string;
  /**
   * Submit a score of the signed-in player. Resolves when the server has judged it, `rejected` included, however
   * often the connection is lost meanwhile.
   *
   * @throws SdkError the server's refusal (`season_closed`, `forbidden`, …), `queue_full`, `unconfirmed` when it may or
   * may not have counted, or why the client is closed.
   */
  submit: (submission: SubmitOptions) => Promise<SubmissionResult>;
  /** The best `limit` entries (10 by default), followed while the store has a listener. The same limit gives the same store. */
  top: (options?: { limit?: number }) => TopStore;
  /** Exact rank of a member; of the signed-in player without one. @throws SdkError `member_not_found`, `timeout`, … */
  rank: (member?: string) => Promise<RankAnswer>;
  /** The board's rules and season, asked now. @throws SdkError `board_not_found`, `timeout`, … */
  info: () => Promise<BoardInfo>;
};

/** The client's parts, shared by all its boards. */
export type BoardParts = {
  connection: Connection;
  environment: Environment;
  limits: Limits;
  memory: BoardMemory;
  queue: SubmitQueue;
  subscriptionOf: (board: string, view: ViewSize) => Subscription;
};

export function createBoard(id: string, parts: BoardParts): Board {
  const { connection, environment, limits, memory, queue, subscriptionOf } = parts;
  const tops = new Map<number, TopStore>();
  return {
    id,
    submit: (submission) => {
      connection.start();
      return queue.submit({ ...submission, board: id });
    },
    top: ({ limit = 10 } = {}) => {
      if (!Number.isInteger(limit) || limit < 1) {
        throw ownError("bad_request", `A limit is a whole number from 1 up, not ${limit}.`);
      }
      return getOrMake(tops, limit, () => createTopStore(subscriptionOf(id, viewSizeFor(limit)), limit));
    },
    rank: async (member) => {
      const message = member === undefined ? { board: id } : { board: id, member };
      const { ok: _, ...answer } = await ask(
        connection,
        environment,
        limits.requestTimeoutMs,
        "rank",
        message,
      );
      return answer;
    },
    info: async () => {
      const { info } = await ask(connection, environment, limits.requestTimeoutMs, "board", { board: id });
      memory.learn(info);
      return info;
    },
  };
}
