/**
 * Random submissions and moderation on packed and wide boards, while archivers come, read, die between commit and acknowledgement, and go:
 * in the end the tables' entries are those of Redis, and the log has every change once.
 */
import fc from "fast-check";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { removeEntries, type Sight, setSight } from "../../server/leaderboard/direct-writes.ts";
import { entriesInRedis, type LogRow, logInRedis, TestArchive } from "../support/archive.ts";
import { commandConnection, DEDUP, openBoard } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { Submitter } from "../support/submitter.ts";

let redis: Redis;
let dying: Redis;
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
  await redis.call("ACL", "SETUSER", "model-without-xack", "on", "nopass", "~*", "&*", "+@all", "-xack");
  dying = await commandConnection(sharedRedisUrl());
  await dying.call("AUTH", "model-without-xack", "any");
});
afterAll(() => {
  redis.disconnect();
  dying.disconnect();
});

const member = fc.integer({ min: 0, max: 5 }).map((i) => `m${i}`);
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("submit" as const),
      member,
      score: fc.integer({ min: 0, max: 9 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("sight" as const),
      member,
      sight: fc.constantFrom<Sight>(0, 1, 2),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("remove" as const), member }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("turn" as const), by: fc.constantFrom("same", "new", "dying") }),
  },
);
const COLUMNS = {
  packed: [{ name: "s", max: 1e6 }],
  wide: [
    { name: "s", type: "float" as const },
    { name: "t", type: "int64" as const },
  ],
};

describeOnBoth("the archive of random changes", (store) => {
  beforeAll(() => store.open().ready(), 60_000);

  for (const [kind, columns] of Object.entries(COLUMNS)) {
    it(`on ${kind} boards is what Redis has, each change once`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
          const open = await openBoard(redis, uniqueBoard("model"), { operator: "set", shards: 2, columns });
          const archive = await TestArchive.of(store.open(), open);
          const submitter = await Submitter.create(redis, open);
          let same = archive.archiver(redis, 2);
          const logged = new Map<string, LogRow>();
          const note = async () => {
            for (const row of await logInRedis(redis, open))
              logged.set(`${row.shard} ${row.n} ${row.item}`, row);
          };
          for (const one of steps) {
            if (one.kind === "turn") {
              await note();
              if (one.by === "new") same = archive.archiver(redis, 3);
              if (one.by === "dying")
                await archive
                  .archiver(dying, 2)
                  .turn()
                  .catch(() => undefined);
              else await same.turn();
              continue;
            }
            const shard = submitter.shardOf(one.member);
            if (one.kind === "submit") {
              const more = kind === "wide" ? { columns: { t: String(one.score % 3) } } : {};
              await submitter.submitValues(one.member, { score: one.score, ...more });
            } else if (one.kind === "sight") {
              await setSight(redis, open, shard, [one.member], {
                by: "board",
                sight: one.sight,
                limits: DEDUP,
              });
            } else await removeEntries(redis, open, shard, [one.member], { limits: DEDUP });
          }
          await note();
          await archive.catchUp(redis);
          expect(await archive.entries()).toEqual(await entriesInRedis(redis, open));
          const order = (a: LogRow, b: LogRow) => a.shard - b.shard || a.n - b.n || a.item - b.item;
          expect(await archive.count("dead_letters")).toBe(0);
          expect(await archive.log()).toEqual([...logged.values()].sort(order));
        }),
        { numRuns: 12, endOnFailure: true },
      );
    }, 90_000);
  }
});
