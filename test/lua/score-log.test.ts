import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { type ShardEvent, submitBatch } from "../../server/leaderboard/submit-batch.ts";
import { commandConnection, DEDUP, openBoard } from "../support/builders.ts";
import { sharedRedisUrl } from "../support/shared-redis.ts";

let redis: Redis;
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
});
afterAll(() => redis.disconnect());

const event = (member: string, key: string, metadata = ""): ShardEvent => ({
  member,
  idHash: "",
  metadata,
  payload: [key],
});

async function board(name: string, limits = {}, definition: Partial<BoardDefinition> = {}) {
  const id = `${name}-${Math.random().toString(36).slice(2)}`;
  const open = await openBoard(redis, id, {
    operator: "set",
    shards: 1,
    columns: [{ name: "score", max: 1_000_000 }],
    ...definition,
  } as BoardDefinition);
  let seq = 0;
  const submit = (...events: ShardEvent[]) =>
    submitBatch(redis, open, 0, { producer: "p", seq: ++seq, events }, { ...DEDUP, ...limits });
  const log = async () => {
    const entries = await redis.xrange(open.shards[0]!.log, "-", "+");
    return entries.map(([, fields]) => {
      const pairs = fields.flatMap((name, i) => (i % 2 ? [] : [[name, fields[i + 1]!] as const]));
      return Object.fromEntries(pairs) as Record<string, string>;
    });
  };
  const meta = () => redis.hgetall(open.shards[0]!.meta);
  return { submit, log, meta };
}

describe("the score log", () => {
  it("has an entry for each batch that changed something, numbered without a gap", async () => {
    const { submit, log, meta } = await board("plain");
    await submit(event("a", "1"), event("b", "2"));
    await submit(event("a", "1"));
    await submit(event("a", "3"));
    expect((await log()).slice(1)).toMatchObject([
      { n: "1", d: "1\ta\t2\tb", o: "\t" },
      { n: "2", d: "3\ta", o: "1" },
    ]);
    expect((await log())[2]).not.toHaveProperty("m");
    expect(await meta()).toMatchObject({ n: "2", trimmed: "0" });
  });

  it("carries metadata where there is any, with tabs and backslashes of it told apart", async () => {
    const { submit, log } = await board("metadata", {}, { metadata: true });
    await submit(event("a", "1", "x\ty\\t"), event("b", "2"), event("c", "3", "z"));
    expect((await log())[1]!.m).toBe("x\\ty\\\\t\t\tz");
  });

  it("under LOG_FULL=gap never holds much more than its bytes, and drops the oldest", async () => {
    const { submit, log, meta } = await board("gap", { logBytesMax: 20_000 });
    for (let i = 1; i <= 500; i++) expect(await submit(event(`m${i}`, `${i}`))).toMatchObject({ n: i });
    const entries = await log();
    expect(entries.length).toBeGreaterThan(100);
    expect(entries.length).toBeLessThan(200);
    expect(entries.map(({ n }) => Number(n))).toEqual(entries.map((_, i) => 501 - entries.length + i));
    const { logged, trimmed } = await meta();
    expect(trimmed).toBe(entries[0]!.b);
    expect(Number(logged) - Number(trimmed)).toBeLessThanOrEqual(20_000);
  });

  it("under LOG_FULL=refuse answers log_full, writes nothing, and gives a repeated batch its reply", async () => {
    const limits = { logBytesMax: 2_000, logFull: "refuse" } as const;
    const { submit, log, meta } = await board("refuse", limits);
    let accepted = 0;
    for (;;) {
      const reply = await submit(event(`m${accepted}`, "5"));
      if (reply.tag === "log_full") break;
      accepted++;
    }
    expect(accepted).toBeGreaterThan(10);
    const before = await meta();
    expect(await submit(event("late", "5"))).not.toMatchObject({ tag: "applied" });
    expect(await meta()).toEqual(before);
    expect((await log()).slice(1).map(({ n }) => Number(n))).toEqual(
      Array.from({ length: accepted }, (_, i) => i + 1),
    );
  });

  it("under LOG_FULL=refuse keeps its bound in entries too", async () => {
    const { submit } = await board("entries", { logEntriesMax: 5, logFull: "refuse" });
    const tags: string[] = [];
    for (let i = 0; i < 6; i++) tags.push((await submit(event(`m${i}`, "5"))).tag);
    expect(tags.slice(0, 5)).toEqual(["applied", "applied", "applied", "applied", "log_full"]);
  });
});
