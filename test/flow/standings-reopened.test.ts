/** A board that is opened anew while somebody begins to follow a rank on it. */
import type { Redis } from "ioredis";
import { Registry as Metrics } from "prom-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Standing } from "../../client-sdk/protocol/messages.ts";
import { parseConfig } from "../../server/config.ts";
import { createFeedMetrics } from "../../server/feed/feed-metrics.ts";
import { FeedHub } from "../../server/feed/hub.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { feedSourceOf } from "../../server/leaderboard/feed-source.ts";
import { createHasher } from "../../server/leaderboard/hashing.ts";
import { Reader } from "../../server/leaderboard/reader.ts";
import type { Registry } from "../../server/leaderboard/registry.ts";
import { hubOptions } from "../../server/options.ts";
import { IndexHub } from "../../server/rank-index/index-hub.ts";
import { Channels } from "../../server/redis/channels.ts";
import { createListener } from "../../server/redis/connect.ts";
import { Standings } from "../../server/standings/standings.ts";
import { commandConnection, openBoard, registryOn, silentLog } from "../support/builders.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

let redis: Redis;
let channels: Channels;
let indexes: IndexHub;
let hub: FeedHub;
let registry: Registry;

const onError = (error: unknown): never => {
  throw error;
};

beforeAll(async () => {
  const connecting = { target: { url: sharedRedisUrl() }, log: silentLog, commandTimeoutMs: 5_000 };
  redis = await commandConnection(sharedRedisUrl());
  registry = registryOn(redis);
  channels = new Channels({
    create: () => createListener(connecting, undefined),
    commands: redis,
    probeEveryMs: 1_000,
    onProbeLost: () => undefined,
    onError,
  });
  channels.start();
  indexes = new IndexHub({ redis, channels, onError });
  const metrics = createFeedMetrics(new Metrics());
  hub = new FeedHub({ ...hubOptions(parseConfig({ NODE_ENV: "test" })), redis, channels, metrics, onError });
});
afterAll(async () => {
  await hub.stop();
  await channels.stop();
  redis.disconnect();
});

/** @param held resolves when the feed may be there */
async function standingsHeld(held: Promise<void>): Promise<Standings> {
  const hasher = await createHasher();
  return new Standings({
    redis,
    hasher,
    reader: new Reader(redis, hasher),
    indexes,
    openFeed: async (open) => {
      const feed = await hub.open(open.feed, feedSourceOf(registry, open));
      const release = hub.follow(open.feed);
      await held;
      return { feed, release };
    },
    now: () => Date.now(),
    onError,
    completeWindow: async (_, window) => window,
    sendsPerSecond: 1_000,
    windowReadsPerSecond: 1_000,
  });
}

async function newBoard(): Promise<{ open: OpenBoard; anew: OpenBoard }> {
  const columns = [{ name: "score", max: 1_000 }];
  const open = await openBoard(redis, uniqueBoard("anew"), {
    operator: "set",
    shards: 2,
    topSize: 10,
    columns,
  });
  await registry.get(open.board.id);
  return { open, anew: { ...open, season: { ...open.season, incarnation: "another" } } };
}

const unheard = { onChange: () => undefined, onEnded: () => undefined };

describe("a board that is opened anew", () => {
  test("refuses who was just about to follow its former life, to be asked again", async () => {
    const { open, anew } = await newBoard();
    let go = (): void => undefined;
    const standings = await standingsHeld(
      new Promise((resolve) => {
        go = resolve;
      }),
    );
    const answered: Standing[] = [];
    const following = standings.followMember(open, "ann", unheard, (standing) => answered.push(standing));
    standings.onBoard(anew);
    go();
    await expect(following).rejects.toMatchObject({ code: "store_lost" });
    expect(answered).toEqual([]);
    await standings.stop();
  });

  test("is told to its followers also where the first word of it is a question", async () => {
    const { open, anew } = await newBoard();
    const standings = await standingsHeld(Promise.resolve());
    const ended: string[] = [];
    const follower = { ...unheard, onEnded: ({ code }: { code: string }) => ended.push(code) };
    await standings.followMember(open, "ann", follower, () => undefined);
    const release = standings.followMember(anew, "ann", unheard, () => undefined).catch(() => undefined);
    expect(ended).toEqual(["store_lost"]);
    await release;
    await standings.stop();
  });
});
