/** A server whose boards are archived, and exports of them: what the tests of transfer ask of it. */
import type { Redis } from "ioredis";
import { expect } from "vitest";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { wholeKey } from "../../server/leaderboard/values.ts";
import type { ExportHeader, TransferEntry } from "../../server/transfer/transfer-line.ts";
import { commandConnection } from "./builders.ts";
import type { TestStore } from "./databases.ts";
import { eventually } from "./eventually.ts";
import type { KeptState } from "./kept-state.ts";
import { startTestRedis, type TestRedis } from "./redis.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "./servers.ts";
import { uniqueBoard } from "./shared-redis.ts";

export type Submission = { member: string; score: number; columns?: object; metadata?: string };
export type ReadExport = { header: ExportHeader; entries: TransferEntry[]; end: unknown };

const SETTINGS = { ROLES: "gateway,merger,archiver", ARCHIVE_MS: "20", EXPORT_WAIT_MS: "20000" };

export class ExportServer {
  readonly server: TestServer;
  readonly redis: Redis;
  readonly #own: TestRedis;

  private constructor(server: TestServer, redis: Redis, own: TestRedis) {
    this.server = server;
    this.redis = redis;
    this.#own = own;
  }

  static async start(store: TestStore, settings: Record<string, string> = {}): Promise<ExportServer> {
    const own = await startTestRedis();
    const redis = await commandConnection(own.url);
    await store.open().ready();
    const server = await startServer(own.url, { ...SETTINGS, ...store.settings(), ...settings });
    return new ExportServer(server, redis, own);
  }

  get redisUrl(): string {
    return this.#own.url;
  }

  async stop(): Promise<void> {
    await this.server.stop();
    this.redis.disconnect();
    await this.#own.stop();
  }

  async made(prefix: string, definition: BoardDefinition): Promise<{ board: string; open: OpenBoard }> {
    const board = uniqueBoard(prefix);
    await this.server.createBoard(board, definition);
    return { board, open: await this.server.running.registry.get(board) };
  }

  async submit(board: string, submissions: Submission[]): Promise<void> {
    const { status, body } = await this.server.call<{ counts: { accepted: number } }>(
      "POST",
      `/v1/boards/${board}/scores`,
      { key: SERVER_KEY, body: { submissions } },
    );
    expect(status).toBe(200);
    expect(body.counts.accepted).toBe(submissions.length);
  }

  async moderate(board: string, member: string, what: string): Promise<void> {
    const path = `/v1/admin/boards/${board}/members/${encodeURIComponent(member)}/${what}`;
    const { status } = await this.server.call("POST", path, { key: ADMIN_KEY, body: { reason: "test" } });
    expect(status).toBe(200);
  }

  /** As a client without a library does it: nothing is read yet. */
  ask(board: string, query = "", { headers = {}, ...init }: RequestInit = {}): Promise<Response> {
    return fetch(`${this.server.url}/v1/admin/boards/${board}/export${query}`, {
      headers: { authorization: `Bearer ${ADMIN_KEY}`, ...headers },
      ...init,
    });
  }

  async exported(board: string): Promise<ReadExport> {
    const path = `/v1/admin/boards/${board}/export`;
    const { status, body } = await this.server.call<string>("GET", path, { key: ADMIN_KEY });
    expect(status, JSON.stringify(body)).toBe(200);
    return linesOf(body);
  }

  /** Resolves when everything that the shards have now is in the tables. */
  async archived({ board, shards }: OpenBoard): Promise<void> {
    const wanted = await Promise.all(
      shards.map(async ({ meta }) => Number(await this.redis.hget(meta, "n"))),
    );
    await eventually(
      async () => {
        const { body } = await this.server.call<{ shards: { archived: { n: number } | null }[] }>(
          "GET",
          `/v1/admin/boards/${board.id}/shards`,
          { key: ADMIN_KEY },
        );
        const held = body.shards.map(({ archived }) => archived?.n ?? 0);
        expect(wanted.every((n, shard) => held[shard]! >= n)).toBe(true);
      },
      { withinMs: 30_000 },
    );
  }
}

export function linesOf(text: string): ReadExport {
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  return { header: lines[0], entries: lines.slice(1, -1), end: lines.at(-1) };
}

/** Who is where, by the key that a line's values and instant make. */
export function placesOf({ layout }: OpenBoard, entries: readonly TransferEntry[]): KeptState {
  return new Map(
    entries.map(({ member, score, columns, reachedAt, visibility, metadata = "" }) => {
      const values = { score, ...(columns ? { columns } : {}) };
      const key = wholeKey(layout, values, Date.parse(reachedAt ?? "1970-01-01"));
      const sight = visibility === "hidden" ? 1 : visibility === "shadow" ? 2 : 0;
      return [member, `${key}|${sight}|${metadata}`];
    }),
  );
}
