/** Where members stand, read many at once: what a gateway follows its players by [R 10]. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readPlaces } from "../../server/leaderboard/places.ts";
import { commandConnection, openBoard } from "../support/builders.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { Submitter } from "../support/submitter.ts";

let redis: Redis;
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
});
afterAll(() => redis.disconnect());

async function board() {
  const definition = { operator: "set" as const, shards: 1, columns: [{ name: "s", max: 1_000 }] };
  const open = await openBoard(redis, uniqueBoard("places"), definition);
  return { open, submitter: await Submitter.create(redis, open) };
}

describe("the places of a shard's members", () => {
  test("come in the order asked for, nobody's is undefined, and n is that of the last batch", async () => {
    const { open, submitter } = await board();
    await submitter.submit("a", 10);
    const last = await submitter.submit("b", 20);
    const { n, places } = await readPlaces(redis, open, 0, ["b", "nobody", "a"]);
    expect(last).toMatchObject({ n });
    expect(places).toMatchObject([{ member: "b", key: 980 }, undefined, { member: "a", key: 990 }]);
  });

  test("are as many as were asked for, however many calls it takes", async () => {
    const { open, submitter } = await board();
    await submitter.submit("m1200", 7);
    const members = Array.from({ length: 1_201 }, (_, i) => `m${i}`);
    const { places } = await readPlaces(redis, open, 0, members);
    expect(places).toHaveLength(1_201);
    expect(places.findIndex((place) => place !== undefined)).toBe(1_200);
    expect(await readPlaces(redis, open, 0, [])).toEqual({ n: 1, places: [] });
  });

  test("[R 3] of a shard in another life are refused", async () => {
    const { open } = await board();
    await redis.hset(open.shards[0]!.meta, "incarnation", "another");
    await expect(readPlaces(redis, open, 0, ["a"])).rejects.toMatchObject({ code: "store_lost" });
  });
});
