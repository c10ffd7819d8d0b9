/** Imports for tests: bodies sent as they are made, and what stands in a board afterwards, place by place. */
import { request } from "node:http";
import type { Redis } from "ioredis";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { placeFrom } from "../../server/leaderboard/codec.ts";
import { lookUp, sightOf } from "../../server/leaderboard/direct-writes.ts";
import { createHasher } from "../../server/leaderboard/hashing.ts";
import { ADMIN_KEY, type Answer, type TestServer } from "../support/servers.ts";

export type Report = {
  season: number;
  importId?: string;
  resumedAfter: number;
  lines: number;
  written: number;
  unchanged: number;
  skipped: number;
  failed: number;
  errors: { line: number; code: string; message: string }[];
};
type Refusal = { error: { code: string; message: string } };

/** @param lines NDJSON: texts as they are, anything else as JSON */
export function importLines(
  server: TestServer,
  board: string,
  lines: readonly unknown[],
  query = "",
): Promise<Answer<Report & Refusal>> {
  const body = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n");
  return importText(server, board, body, query);
}

export function importText(
  server: TestServer,
  board: string,
  body: string,
  query = "",
): Promise<Answer<Report & Refusal>> {
  const headers = { "content-type": query.includes("csv") ? "text/csv" : "application/x-ndjson" };
  return server.call("POST", `/v1/admin/boards/${board}/import${query}`, { key: ADMIN_KEY, body, headers });
}

/** A body that is sent piece by piece, and may be broken off. */
export class OpenImport {
  readonly #request;
  readonly answer: Promise<{ status: number; body: Report & Refusal }>;

  constructor(server: TestServer, board: string, query = "") {
    this.#request = request(`${server.url}/v1/admin/boards/${board}/import${query}`, {
      method: "POST",
      headers: { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/x-ndjson" },
    });
    this.answer = new Promise((resolve, reject) => {
      this.#request.once("error", reject);
      this.#request.once("response", (response) => {
        let text = "";
        response.on("data", (piece: Buffer) => {
          text += piece.toString();
        });
        response.once("end", () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
      });
    });
    this.answer.catch(() => undefined);
  }

  /** Resolves when it has gone out; @returns whether the receiver wants more at once. */
  send(text: string): Promise<boolean> {
    return new Promise((resolve) => {
      const more = this.#request.write(text, () => resolve(more));
    });
  }

  end(): void {
    this.#request.end();
  }

  /** Like a cable that is pulled out. */
  breakOff(): void {
    this.#request.destroy();
  }
}

/** Where a member stands: the place to the last digit, who sees it, its metadata. */
export type Standing = { key: number; rest: string; sight: number; metadata: string | null };

/** Of members who have an entry. */
export async function standings(
  redis: Redis,
  open: OpenBoard,
  members: readonly string[],
): Promise<Map<string, Standing>> {
  const hasher = await createHasher();
  const found = new Map<string, Standing>();
  for (const member of members) {
    const shard = hasher.shardOf(member, open.board.shards);
    const [one] = await lookUp(redis, open, shard, [member]);
    if (one?.key === undefined) continue;
    const { key, rest } = placeFrom(open.layout, one.key, member);
    const metadata = await redis.hget(open.shards[shard]!.metadata, member);
    found.set(member, { key, rest, sight: sightOf(one.mark), metadata });
  }
  return found;
}
