/** Bans at a second gateway, which hears of them late. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { BanSet } from "../../server/bans/ban-set.ts";
import { BanStore } from "../../server/bans/ban-store.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { boardDefinition, boardFrom } from "../../server/leaderboard/board-schema.ts";
import { lookUp, SIGHTS } from "../../server/leaderboard/direct-writes.ts";
import { createHasher } from "../../server/leaderboard/hashing.ts";
import { Lease } from "../../server/locks/lease.ts";
import { Bans } from "../../server/moderation/bans.ts";
import { banLeaseKeys } from "../../server/redis/keys.ts";
import { commandConnection, DEDUP, registryOn } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { uniqueBoard } from "../support/shared-redis.ts";

const GHOST = { member: "ghost", mode: "shadow" as const, reason: "r", actor: "t" };
const NEVER_MS = 60_000;

let server: TestRedis;
let redis: Redis;
beforeAll(async () => {
  server = await startTestRedis();
  redis = await commandConnection(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

describeOnBoth("a shadow ban", (store) => {
  type Process = Awaited<ReturnType<typeof startProcess>>;
  let near: Process;
  let far: Process;
  let open: OpenBoard;

  async function startProcess() {
    const onError = (error: unknown): never => {
      throw error;
    };
    const onMissing = async (): Promise<boolean> => false;
    const set = new BanSet({ redis, pollMs: NEVER_MS, now: Date.now, onMissing, onError });
    const registry = registryOn(redis);
    const bans = new Bans({
      redis,
      registry,
      hasher: await createHasher(),
      limits: DEDUP,
      store: new BanStore(store.open(), 100),
      set,
      lease: new Lease(redis, banLeaseKeys, { ttlMs: 30_000 }),
      everyMs: NEVER_MS,
      now: Date.now,
      onMoved: () => undefined,
      onError,
    });
    return { registry, set, bans };
  }

  beforeAll(async () => void (await store.open().ready()), 60_000);
  beforeEach(async () => {
    await redis.flushall();
    [near, far] = [await startProcess(), await startProcess()];
    const definition = boardDefinition.parse({ operator: "set", shards: 1 });
    open = (await near.registry.put(boardFrom(uniqueBoard("banned"), definition))).open;
    await near.bans.put(GHOST);
    await near.bans.carryOut();
    await far.set.refresh();
  });

  const mark = async () => (await lookUp(redis, open, 0, ["ghost"]))[0]!.mark.ban;
  const lift = async (): Promise<void> => {
    await near.bans.lift("ghost");
    await near.bans.carryOut();
  };

  test("that is lifted leaves no mark, also where a gateway has not heard of it yet", async () => {
    await lift();
    await far.bans.admit(open, "ghost");
    expect(await mark()).toBe(SIGHTS.visible);
  });

  test("that is put again hides the next submission at a gateway that knew the mark of the one before", async () => {
    await far.bans.admit(open, "ghost");
    await lift();
    await far.set.refresh();
    expect(await mark()).toBe(SIGHTS.visible);
    await near.bans.put(GHOST);
    await far.set.refresh();
    await far.bans.admit(open, "ghost");
    expect(await mark()).toBe(SIGHTS.shadow);
  });
});
