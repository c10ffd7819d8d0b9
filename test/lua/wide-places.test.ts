/** How a wide board's shard keeps its two views of a member: the entry under its rest in the ZSET, and its place by its own id. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { createHasher } from "../../server/leaderboard/hashing.ts";
import { readPlaces } from "../../server/leaderboard/places.ts";
import { Reader } from "../../server/leaderboard/reader.ts";
import { submitBatch } from "../../server/leaderboard/submit-batch.ts";
import { payloadOf } from "../../server/leaderboard/values.ts";
import { commandConnection, DEDUP, openBoard } from "../support/builders.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { Submitter } from "../support/submitter.ts";

let redis: Redis;
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
});
afterAll(() => redis.disconnect());

const COLUMNS = [
  { name: "score", type: "float" as const },
  { name: "low", type: "int64" as const },
];

function board(): Promise<OpenBoard> {
  return openBoard(redis, uniqueBoard("wide"), { operator: "set", shards: 1, columns: COLUMNS });
}

/** What the ZSET and the hash say, in one form, without the placeholders. */
async function bothViews({ shards, layout }: OpenBoard): Promise<{ entries: string[]; places: string[] }> {
  const { entries, places } = shards[0]!;
  const flat = await redis.zrange(entries, "0", "-2", "WITHSCORES");
  const hash = Object.entries(await redis.hgetall(places)).filter(([member]) => member !== "");
  return {
    entries: flat.flatMap((stored, i) => (i % 2 === 0 ? [`${stored} ${Number(flat[i + 1])}`] : [])).sort(),
    places: hash
      .map(([member, key]) => {
        const [score, rest] = key.split(" ");
        expect(rest).toHaveLength(layout.restLength);
        return `${rest}${member} ${Number(score)}`;
      })
      .sort(),
  };
}

describe("a member of a wide board", () => {
  test("has one entry after its rest, its score, or both changed", async () => {
    const open = await board();
    const submitter = await Submitter.create(redis, open);
    for (const [score, low] of [
      [1.5, "7"],
      [1.5, "8"],
      [-2, "8"],
      [1e300, "-9223372036854775808"],
    ] as const) {
      await submitter.submitValues("a", { score, columns: { low } });
      const { entries, places } = await bothViews(open);
      expect(entries).toHaveLength(1);
      expect(places).toEqual(entries);
    }
  });

  test("has only its last entry when it changed several times in one batch", async () => {
    const open = await board();
    const submit = (seq: number, lows: string[]) => {
      const events = lows.map((low) => {
        const payload = payloadOf(open, { score: 1, columns: { low } }, 0);
        return { member: "a", idHash: "", metadata: "", payload };
      });
      return submitBatch(redis, open, 0, { producer: "p", seq, events }, DEDUP);
    };
    await submit(1, ["1", "2", "3"]);
    // Back to where it was, by a detour.
    await submit(2, ["4", "3"]);
    const { entries, places } = await bothViews(open);
    expect(entries).toHaveLength(1);
    expect(places).toEqual(entries);
  });

  test("is ranked by the bytes of its rest and its id, whatever a locale says of letters", async () => {
    const open = await board();
    const submitter = await Submitter.create(redis, open);
    const lows = Array.from({ length: 40 }, (_, i) => String(2n ** 62n - BigInt(i) * 2n ** 56n));
    for (const low of lows) await submitter.submitValues(`m${low}`, { score: 1, columns: { low } });
    const reader = new Reader(redis, await createHasher());
    for (const [i, low] of lows.entries()) {
      expect(await reader.rank(open, `m${low}`)).toMatchObject({ rank: i + 1, columns: { low } });
    }
  });

  test("that is hidden has no place, no rank and no row", async () => {
    const open = await board();
    const submitter = await Submitter.create(redis, open);
    const { places, meta } = open.shards[0]!;
    await redis.hset(places, "\nghost", "-1 -----------");
    await redis.hset(meta, "hidden", 1);
    await submitter.submitValues("ghost", { score: 9, columns: { low: 1 } });
    await submitter.submitValues("seen", { score: 5, columns: { low: 1 } });
    const reader = new Reader(redis, await createHasher());
    expect((await readPlaces(redis, open, 0, ["ghost"])).places).toEqual([undefined]);
    await expect(reader.rank(open, "ghost")).rejects.toMatchObject({ code: "member_not_found" });
    expect(await reader.page(open, undefined, 10)).toMatchObject({ total: 1, entries: [{ member: "seen" }] });
    expect(await redis.hget(places, "\nghost")).toMatch(/^-9 /);
  });
});
