/** A board whose past is looked at, on a server that has every role; what is played on it is archived before it is asked about. */
import type { Redis } from "ioredis";
import { expect } from "vitest";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { eventually } from "../support/eventually.ts";
import { ADMIN_KEY, type Answer, SERVER_KEY, type TestServer } from "../support/servers.ts";
import { uniqueBoard } from "../support/shared-redis.ts";

export const PATIENCE = { withinMs: 20_000, everyMs: 30 };

export type Top = {
  season: number;
  at: string;
  asOf: string;
  complete: boolean;
  gap?: { from: string; to?: string };
  position?: { epoch: string; offset: number };
  entries: { member: string; rank: number; score: number }[];
  error: { code: string; details: { earliest: string } };
};
export type Curve = {
  from: string;
  complete: boolean;
  scores: { at: string; score: number | null }[];
  ranks: { at: string; rank: number; exact: boolean; error?: number; total: number }[];
  seasons: { season: number; rank: number; score: number; total: number }[];
  error: { code: string; details: { earliest: string } };
};
export type Passed = {
  since: string;
  count: number;
  complete: boolean;
  before: { score: number } | null;
  entries: { member: string; score: number; before: { score: number } | null; at?: string }[];
  cursor?: string;
  error: { code: string };
};

export class PastBoard {
  readonly id: string;
  readonly #server: TestServer;
  readonly #redis: Redis;

  private constructor(server: TestServer, redis: Redis, id: string) {
    this.#server = server;
    this.#redis = redis;
    this.id = id;
  }

  static async on(
    server: TestServer,
    redis: Redis,
    definition: Partial<BoardDefinition> = {},
  ): Promise<PastBoard> {
    const id = uniqueBoard("past");
    await server.createBoard(id, { operator: "set", shards: 2, ...definition });
    return new PastBoard(server, redis, id);
  }

  read<T>(path: string, key?: string): Promise<Answer<T>> {
    return this.#server.call("GET", `/v1/boards/${this.id}${path}`, key === undefined ? {} : { key });
  }

  admin(method: string, path: string, body: object): Promise<Answer> {
    return this.#server.call(method, `/v1/admin/boards/${this.id}${path}`, { key: ADMIN_KEY, body });
  }

  async topAt(at: string, query = ""): Promise<Top> {
    return (await this.read<Top>(`/top?at=${encodeURIComponent(at)}${query}`)).body;
  }

  async namesAt(at: string): Promise<string[]> {
    return (await this.topAt(at)).entries.map(({ member, rank }) => `${rank} ${member}`);
  }

  async submit(scores: Record<string, number>): Promise<void> {
    const submissions = Object.entries(scores).map(([member, score]) => ({ member, score }));
    const path = `/v1/boards/${this.id}/scores`;
    await this.#server.call("POST", path, { key: SERVER_KEY, body: { submissions } });
  }

  /** Submits, and waits until it is published and archived. @returns an instant by Redis's clock at which nothing happens */
  async play(scores: Record<string, number>): Promise<string> {
    await this.submit(scores);
    await eventually(async () => {
      const { body } = await this.read<Top>("/top?limit=500");
      const shown = new Map(body.entries.map(({ member, score }) => [member, score]));
      for (const [member, score] of Object.entries(scores)) expect(shown.get(member)).toBe(score);
    }, PATIENCE);
    await this.archived();
    return this.later();
  }

  /** Until the archive has every change and every frame. */
  async archived(): Promise<void> {
    const open = await this.#server.running.registry.get(this.id);
    const { incarnation } = open.season;
    const { database } = this.#server.running;
    await eventually(async () => {
      const [epoch, offset] = await this.#redis.hmget(open.feed.state, "epoch", "offset");
      const feeds = await database.run((db) =>
        db
          .selectFrom("feed_positions as p")
          .innerJoin("lives as l", "l.life", "p.life")
          .select(["p.epoch", "p.last_offset"])
          .where("l.incarnation", "=", incarnation)
          .execute(),
      );
      expect(feeds).toEqual([{ epoch, last_offset: Number(offset) }]);
      const shards = await database.run((db) =>
        db
          .selectFrom("shard_positions as p")
          .innerJoin("lives as l", "l.life", "p.life")
          .select(["p.shard", "p.n"])
          .where("l.incarnation", "=", incarnation)
          .execute(),
      );
      const archived = new Map(shards.map(({ shard, n }) => [shard, n]));
      for (const [shard, { meta }] of open.shards.entries()) {
        expect(archived.get(shard) ?? 0).toBe(Number((await this.#redis.hget(meta, "n")) ?? 0));
      }
    }, PATIENCE);
  }

  /** An instant by Redis's clock, with nothing just before and just behind it. */
  async later(): Promise<string> {
    const now = async (): Promise<number> => {
      const [s, us] = await this.#redis.time();
      return Number(s) * 1_000 + Math.floor(Number(us) / 1_000);
    };
    const begin = await now();
    let at = begin;
    while (at <= begin + 1) at = await now();
    while ((await now()) === at);
    return new Date(at).toISOString();
  }
}
