/** The promises of submit.lua and submit_wide.lua one by one, on a real Redis. The model test covers their combinations. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { readPlaces } from "../../server/leaderboard/places.ts";
import {
  type Batch,
  type DedupLimits,
  type ShardEvent,
  submitBatch,
} from "../../server/leaderboard/submit-batch.ts";
import { payloadOf } from "../../server/leaderboard/values.ts";
import { commandConnection, DEDUP, openBoard } from "../support/builders.ts";
import { eventually } from "../support/eventually.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

let redis: Redis;
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
});
afterAll(() => redis.disconnect());

const ONE_SHARD = { shards: 1, columns: [{ name: "score", max: 1000 }] };
/** A time without an end needs a rest. */
const LAYOUTS = { packed: ONE_SHARD, wide: { ...ONE_SHARD, ties: "earliest" as const } };

function event(board: OpenBoard, member: string, score: number, idHash = ""): ShardEvent {
  return { member, idHash, metadata: "", payload: payloadOf(board, { score }, Date.now()) };
}

function send(board: OpenBoard, batch: Batch, limits: DedupLimits = DEDUP) {
  return submitBatch(redis, board, 0, batch, limits);
}

const score = async (board: OpenBoard, member: string): Promise<number | undefined> => {
  const [place] = (await readPlaces(redis, board, 0, [member])).places;
  return place && 1000 - place.key;
};

describe.each(["packed", "wide"] as const)("on a %s board", (layout) => {
  async function open(operator: "best" | "set" | "incr"): Promise<OpenBoard> {
    const board = await openBoard(redis, uniqueBoard("submit"), { ...LAYOUTS[layout], operator });
    expect(board.layout.kind).toBe(layout);
    return board;
  }

  describe("a batch [R 2]", () => {
    test("whose reply was lost is answered with the original reply, and counts once", async () => {
      const board = await open("incr");
      const batch = { producer: "p", seq: 1, events: [event(board, "a", 5), event(board, "a", 2)] };
      const first = await send(board, batch);
      expect(await send(board, batch)).toEqual(first);
      expect(await score(board, "a")).toBe(7);
    });

    test("behind the kept replies is a duplicate with the rows as they are", async () => {
      const board = await open("incr");
      for (let seq = 1; seq <= 6; seq++)
        await send(board, { producer: "p", seq, events: [event(board, "a", 1)] });
      expect(await send(board, { producer: "p", seq: 2, events: [event(board, "a", 1)] })).toMatchObject({
        statuses: ["d"],
        places: [{ key: 1000 - 6 }],
      });
      expect(await score(board, "a")).toBe(6);
    });

    test("ahead of its turn is refused as a gap and changes nothing", async () => {
      const board = await open("incr");
      expect(await send(board, { producer: "p", seq: 2, events: [event(board, "a", 5)] })).toEqual({
        tag: "gap",
        last: 0,
      });
      expect(await score(board, "a")).toBeUndefined();
    });

    test("of an idle producer is forgotten once another producer appears", async () => {
      const board = await open("incr");
      const limits = { ...DEDUP, producerIdleMs: 5 };
      await send(board, { producer: "old", seq: 1, events: [event(board, "a", 1)] }, limits);
      await new Promise((resolve) => setTimeout(resolve, 20));
      await send(board, { producer: "new", seq: 1, events: [event(board, "a", 1)] }, limits);
      const fields = await redis.hkeys(board.shards[0]!.meta);
      expect(fields.filter((field) => field.includes("old"))).toEqual([]);
      expect(fields.filter((field) => field.includes("new"))).toHaveLength(2);
    });
  });

  describe("a shard", () => {
    test("[R 1] has every key that its scripts name from its opening on", async () => {
      const board = await open("incr");
      const keys = Object.values(board.shards[0]!);
      expect(await redis.exists(...keys)).toBe(keys.length);
      await send(
        board,
        { producer: "p", seq: 1, events: [event(board, "a", 1, "id")] },
        { ...DEDUP, dedupWindowMs: 0 },
      );
      expect(await redis.exists(...keys)).toBe(keys.length);
      expect(await redis.exists(board.feed.state, board.feed.top, board.feed.frames)).toBe(3);
    });

    test("[R 3] that is missing, or of another life, refuses and is not created", async () => {
      const board = await open("incr");
      const batch = { producer: "p", seq: 1, events: [event(board, "a", 5)] };
      await redis.hset(board.shards[0]!.meta, "incarnation", "another");
      expect(await send(board, batch)).toEqual({ tag: "store_lost" });
      await redis.del(...Object.values(board.shards[0]!));
      expect(await send(board, batch)).toEqual({ tag: "store_lost" });
      expect(await redis.exists(...Object.values(board.shards[0]!))).toBe(0);
    });

    test("[R 4] that is closed refuses new batches, but still answers for one it has applied", async () => {
      const board = await open("incr");
      const batch = { producer: "p", seq: 1, events: [event(board, "a", 5)] };
      const first = await send(board, batch);
      await redis.hset(board.shards[0]!.meta, "state", "closed");
      expect(await send(board, { ...batch, seq: 2 })).toEqual({ tag: "season_closed" });
      expect(await send(board, batch)).toEqual(first);
      expect(await score(board, "a")).toBe(5);
    });
  });

  describe("an id [R 5]", () => {
    test("counts once in one batch, in a later batch, and for another producer", async () => {
      const board = await open("incr");
      const twice = [event(board, "a", 5, "id-a"), event(board, "a", 5, "id-a")];
      expect(await send(board, { producer: "p", seq: 1, events: twice })).toMatchObject({
        statuses: ["a", "d"],
      });
      expect(
        await send(board, { producer: "q", seq: 1, events: [event(board, "a", 9, "id-a")] }),
      ).toMatchObject({ statuses: ["d"] });
      expect(await score(board, "a")).toBe(5);
    });

    test("of a rejected submission is not remembered", async () => {
      const board = await open("incr");
      const steps = [event(board, "a", -1, "id"), event(board, "a", 1, "id")];
      expect(await send(board, { producer: "p", seq: 1, events: steps })).toMatchObject({
        statuses: ["r", "a"],
      });
    });

    test("is known for at least one window after it was sent, and forgotten some time after the second", async () => {
      const board = await open("incr");
      const limits = { ...DEDUP, dedupWindowMs: 600 };
      let seq = 0;
      const submit = (id: string) =>
        send(board, { producer: "p", seq: ++seq, events: [event(board, "a", 1, id)] }, limits);
      await submit("first");
      const sentAt = performance.now();
      while (performance.now() - sentAt < 250)
        expect(await submit("first")).toMatchObject({ statuses: ["d"] });
      await eventually(async () => {
        await submit(`other-${seq}`);
        const { idsNow, idsBefore } = board.shards[0]!;
        const known = (await redis.sismember(idsNow, "first")) + (await redis.sismember(idsBefore, "first"));
        expect(known).toBe(0);
      });
      expect(await submit("first")).toMatchObject({ statuses: ["a"] });
    });

    test("is still known when the window that it was sent in has been put aside", async () => {
      const board = await open("incr");
      const limits = { ...DEDUP, dedupWindowMs: 400 };
      let seq = 0;
      const submit = (id: string) =>
        send(board, { producer: "p", seq: ++seq, events: [event(board, "a", 1, id)] }, limits);
      await submit("kept");
      await eventually(async () => {
        await submit(`other-${seq}`);
        expect(await redis.sismember(board.shards[0]!.idsBefore, "kept")).toBe(1);
      });
      expect(await submit("kept")).toMatchObject({ statuses: ["d"] });
    });

    test("beyond the window's capacity is refused as overloaded, and nothing of the batch is applied", async () => {
      const board = await open("incr");
      const limits = { ...DEDUP, idsMax: 2 };
      const events = ["x", "y", "z"].map((id) => event(board, "a", 1, id));
      expect(await send(board, { producer: "p", seq: 1, events }, limits)).toEqual({ tag: "overloaded" });
      expect(await score(board, "a")).toBeUndefined();
      expect(await send(board, { producer: "p", seq: 1, events: events.slice(0, 2) }, limits)).toMatchObject({
        statuses: ["a", "a"],
      });
    });
  });

  describe("the dirty mark", () => {
    test("is made when an old or a new key reaches the cutoff, and not below it", async () => {
      const board = await open("set");
      const version = async () => Number(await redis.hget(board.shards[0]!.meta, "version"));
      let seq = 0;
      const submit = async (member: string, value: number) => {
        const before = await version();
        await send(board, { producer: "p", seq: ++seq, events: [event(board, member, value)] });
        return (await version()) > before;
      };
      await submit("top", 900);
      await redis.hset(board.shards[0]!.meta, "cutoff", String(1000 - 500));
      expect(await submit("low", 499)).toBe(false);
      expect(await submit("low", 500)).toBe(true);
      expect(await submit("top", 10)).toBe(true);
      expect(await submit("top", 11)).toBe(false);
    });
  });

  describe("the score log", () => {
    test("has one entry per batch that changed something, with a gapless number, old and new keys", async () => {
      const board = await open("set");
      await send(board, { producer: "p", seq: 1, events: [event(board, "a", 1), event(board, "b", 2)] });
      await send(board, { producer: "p", seq: 2, events: [event(board, "a", 1)] });
      await send(board, { producer: "p", seq: 3, events: [event(board, "a", 3, "h")] });
      const entries = await redis.xrange(board.shards[0]!.log, "-", "+");
      // The rest of a wide key is a time here; the bytes before an entry are test/lua/score-log.test.ts's.
      const withoutRests = entries.map(([, fields]) =>
        fields.filter((_, i) => fields[i - (i % 2)] !== "b").map((text) => text.replaceAll(/ [-\w]{8}/g, "")),
      );
      expect(withoutRests).toEqual([
        ["n", "0", "d", ""],
        ["n", "1", "d", "999\ta\t998\tb", "o", "\t"],
        ["n", "2", "d", "997\ta", "o", "999", "i", "h"],
      ]);
    });
  });

  describe("hidden members", () => {
    test("are updated apart and counted nowhere", async () => {
      const board = await open("set");
      const { meta, entries, hidden, places } = board.shards[0]!;
      if (layout === "packed") await redis.zadd(hidden, 1000 - 7, "ghost");
      else await redis.hset(places, "\nghost", `${1000 - 7} --------`);
      await redis.hset(meta, "hidden", 1);
      await send(board, {
        producer: "p",
        seq: 1,
        events: [event(board, "ghost", 50), event(board, "seen", 40)],
      });
      if (layout === "packed") expect(await redis.zscore(hidden, "ghost")).toBe("950");
      else expect(await redis.hget(places, "\nghost")).toMatch(/^950 /);
      expect(await score(board, "ghost")).toBeUndefined();
      expect(await score(board, "seen")).toBe(40);
      expect(await redis.zcard(entries)).toBe(2);
    });
  });
});
