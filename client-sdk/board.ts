/** A board as the application holds it: submit, follow, ask. */

import type { Connection } from "./connection.ts";
import type { Environment } from "./environment.ts";
import { ownError } from "./errors.ts";
import type { Follows } from "./follows.ts";
import { getOrMake } from "./get-or-make.ts";
import type { Limits } from "./limits.ts";
import { createMeStore, type MeStore } from "./me-store.ts";
import { ask } from "./patient-request.ts";
import type { BoardInfo, RankAnswer, SubmissionResult } from "./protocol/messages.ts";
import type { SubmitQueue } from "./submit-queue.ts";
import { createTopStore, type TopStore, viewSizeFor } from "./top-store.ts";
import { WeakValues } from "./weak-values.ts";
import { createWindowStore, type WindowStore } from "./window-store.ts";

/** [P-18] */
const AROUND_DEFAULT = 11;
const AROUND_MIN = 3;
const AROUND_MAX = 101;
const FRIENDS_MAX = 500;

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
  /** Where a member stands, live at any depth; the signed-in player without one. Followed while the store has a listener. */
  me: (member?: string) => MeStore;
  /** The `limit` entries (3 to 101, 11 by default) round a member, or round the signed-in player. */
  around: (options?: { member?: string; limit?: number }) => WindowStore;
  /** How 1 to 500 members stand among each other. The same members, in whatever order, give the same store. */
  friends: (members: readonly string[]) => WindowStore;
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
  queue: SubmitQueue;
  follows: Follows;
};

export function createBoard(id: string, parts: BoardParts): Board {
  const { connection, environment, limits, queue, follows } = parts;
  const tops = new Map<number, TopStore>();
  const standings = new WeakValues<MeStore>();
  const windows = new WeakValues<WindowStore>();
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
      return getOrMake(tops, limit, () => createTopStore(follows.top(id, viewSizeFor(limit)), limit));
    },
    me: (member) =>
      standings.getOrMake(JSON.stringify([member]), () => createMeStore(follows.standing(id, member))),
    around: ({ member, limit = AROUND_DEFAULT } = {}) => {
      if (!Number.isInteger(limit) || limit < AROUND_MIN || limit > AROUND_MAX) {
        throw ownError("bad_request", `A window holds ${AROUND_MIN} to ${AROUND_MAX} entries, not ${limit}.`);
      }
      return windows.getOrMake(JSON.stringify([member, limit]), () =>
        createWindowStore(follows.around(id, member, limit), limit),
      );
    },
    friends: (members) => {
      const friends = [...new Set(members)].sort();
      if (friends.length < 1 || friends.length > FRIENDS_MAX) {
        throw ownError("bad_request", `A list holds 1 to ${FRIENDS_MAX} members, not ${friends.length}.`);
      }
      return windows.getOrMake(JSON.stringify({ friends }), () =>
        createWindowStore(follows.members(id, friends)),
      );
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
      follows.learn(info);
      return info;
    },
  };
}
