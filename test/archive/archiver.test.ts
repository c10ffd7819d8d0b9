import type { Redis } from "ioredis";
import { beforeAll, expect, it } from "vitest";
import { activeKey } from "../../server/redis/keys.ts";
import { entriesInRedis, TestArchive } from "../support/archive.ts";
import { commandConnection } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { eventually } from "../support/eventually.ts";
import { startTestRedis } from "../support/redis.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";

const ROLES = "gateway,merger,archiver";
/** PGlite takes its time where others are at work. */
const OPEN_MS = 60_000;
const PACE = { ARCHIVE_MS: "20", LEASE_TTL_MS: "500" };

type Submission = { member: string; score: number; id?: string; metadata?: string };

async function submit(server: TestServer, board: string, submissions: Submission[]) {
  const answer = await server.call<{ counts: { accepted: number }; results: { error?: { code: string } }[] }>(
    "POST",
    `/v1/boards/${board}/scores`,
    { key: SERVER_KEY, body: { submissions } },
  );
  expect(answer.status).toBe(200);
  return answer.body;
}

const metric = async (server: TestServer, name: string): Promise<number> => {
  const { body } = await server.call<string>("GET", "/metrics");
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(body)?.[1]);
};
const degraded = async (server: TestServer): Promise<string[]> => {
  const { body } = await server.call<{ degraded: string[] }>("GET", "/readyz");
  return body.degraded;
};

describeOnBoth("the archiver", (store) => {
  beforeAll(() => store.open().ready(), OPEN_MS);
  const withServer = async (
    settings: Record<string, string>,
    run: (server: TestServer, redis: Redis) => Promise<void>,
  ): Promise<void> => {
    const own = await startTestRedis();
    const redis = await commandConnection(own.url);
    // PGlite is the test's own process's, whose folder the server must not take away.
    const server = await startServer(own.url, { ROLES, ...PACE, ...store.settings(), ...settings });
    try {
      await run(server, redis);
    } finally {
      await server.stop();
      redis.disconnect();
      await own.stop();
    }
  };
  const archiveOf = async (server: TestServer, board: string) => {
    const open = await server.running.registry.get(board);
    return { open, archive: await TestArchive.of(server.running.database, open) };
  };

  it("brings what is submitted to the tables, with ids and metadata, and trims the logs", async () => {
    await withServer({}, async (server, redis) => {
      await server.createBoard("a1", {
        operator: "incr",
        shards: 2,
        metadata: true,
        columns: [{ name: "s", max: 1e6 }],
      });
      const scores = Array.from({ length: 20 }, (_, i) => ({
        member: `m${i % 6}`,
        score: i + 1,
        id: `id${i}`,
        ...(i % 3 ? {} : { metadata: `from\t${i}` }),
      }));
      await submit(server, "a1", scores.slice(0, 10));
      await submit(server, "a1", scores.slice(10));
      const { open, archive } = await archiveOf(server, "a1");
      const inRedis = await entriesInRedis(redis, open);
      expect(inRedis.get("m0")!.metadata).toBe("from\t18");
      await eventually(async () => expect(await archive.entries()).toEqual(inRedis));
      const log = await archive.log();
      expect(log).toHaveLength(20);
      expect(new Set(log.map(({ id }) => id)).size).toBe(20);
      await eventually(async () => {
        for (const { log: stream } of open.shards) expect(await redis.xlen(stream)).toBe(0);
      });
      expect(await metric(server, "rankwire_archive_changes_total")).toBe(20);
      expect(await metric(server, "rankwire_archive_lag_entries")).toBe(0);
      expect(await degraded(server)).not.toContain("archive");
    });
  });

  it("finds what was written while there was no archiver, on boards that nobody announces", async () => {
    await withServer({ ROLES: "gateway,merger" }, async (writing, redis) => {
      await writing.createBoard("a2", { operator: "best", shards: 1 });
      await submit(writing, "a2", [{ member: "ann", score: 5 }]);
      await redis.del(activeKey);
      const archiving = await startServer(`redis://${redis.options.host}:${redis.options.port}`, {
        ...PACE,
        ...store.settings(),
        ROLES: "archiver",
      });
      try {
        const { archive } = await archiveOf(archiving, "a2");
        await eventually(async () => expect((await archive.entries()).size).toBe(1));
      } finally {
        await archiving.stop();
      }
    });
  });

  // PGlite is away only with its process.
  for (const policy of store.kind === "postgresql" ? (["gap", "refuse"] as const) : []) {
    it(`is right again after the database was away, under LOG_FULL=${policy}, and Redis has held no more than its bound`, async () => {
      const postgres = store.postgres!;
      const settings = {
        LOG_FULL: policy,
        LOG_BYTES_MAX: "8192",
        ARCHIVE_LAG_MS_MAX: "200",
        DATABASE_TIMEOUT_MS: "1000",
      };
      await withServer(settings, async (server, redis) => {
        const board = `away-${policy}`;
        await server.createBoard(board, { operator: "set", shards: 1, columns: [{ name: "s", max: 1e6 }] });
        await submit(server, board, [{ member: "first", score: 1 }]);
        const { open, archive } = await archiveOf(server, board);
        await eventually(async () => expect((await archive.entries()).size).toBe(1));
        await postgres.kill();
        let [accepted, refused] = [1, 0];
        for (let i = 0; i < 200; i++) {
          const { counts, results } = await submit(server, board, [{ member: `m${i % 50}`, score: i + 1 }]);
          accepted += counts.accepted;
          if (results[0]!.error?.code === "log_full") refused++;
        }
        expect(accepted + refused).toBe(201);
        expect(refused > 0).toBe(policy === "refuse");
        const [logged, trimmed] = (await redis.hmget(open.shards[0]!.meta, "logged", "trimmed")).map(Number);
        expect(logged! - trimmed!).toBeLessThan(8192 + 400);
        await eventually(async () => expect(await degraded(server)).toContain("archive"));

        await postgres.start();
        const inRedis = await entriesInRedis(redis, open);
        await eventually(async () => expect(await archive.entries()).toEqual(inRedis), { withinMs: 20_000 });
        await eventually(async () => expect(await archive.count("log_gaps")).toBe(policy === "gap" ? 1 : 0));
        const log = await archive.log();
        if (policy === "refuse") expect(log).toHaveLength(accepted);
        else expect(log.length).toBeLessThan(accepted);
        await eventually(async () => expect(await degraded(server)).not.toContain("archive"));
      });
    });
  }
});
