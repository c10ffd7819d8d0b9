/** When something behind the profiles fails: a process that was filling, the cache, the database. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Database } from "../../server/database/database.ts";
import { profileKey } from "../../server/redis/keys.ts";
import { runScript } from "../../server/redis/scripts.ts";
import { silentLog } from "../support/builders.ts";
import { eventually } from "../support/eventually.ts";
import { POSTGRES_INSTALL_MS, startTestPostgres, type TestPostgres } from "../support/postgres.ts";
import {
  LOCAL,
  newMember,
  type ProcessOptions,
  type ProfileProcess,
  startProfiles,
  TIMES,
} from "../support/profiles.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { sharedRedisUrl } from "../support/shared-redis.ts";

let postgres: TestPostgres;
let database: Database;
/** The second Redis, for the cache alone; it keeps what it holds over a crash, which is the worst that it can do. */
let second: TestRedis;
const started: ProfileProcess[] = [];

beforeAll(async () => {
  postgres = await startTestPostgres();
  const url = await postgres.newDatabase();
  database = new Database({ url, dataDir: "", connectionsMax: 5, timeoutMs: 2_000, log: silentLog });
  await database.ready();
  second = await startTestRedis({ appendonly: true, args: ["--appendfsync", "always"] });
}, POSTGRES_INSTALL_MS);
afterAll(async () => {
  for (const { stop } of started) await stop();
  await database.close();
  await postgres.stop();
  await second.stop();
});

async function start(options: Partial<ProcessOptions> = {}): Promise<ProfileProcess> {
  const one = await startProfiles({ redisUrl: sharedRedisUrl(), database, ...options });
  started.push(one);
  return one;
}

const nameOf = async ({ profiles }: ProfileProcess, member: string): Promise<string | undefined> =>
  (await profiles.get([member])).get(member)?.displayName;

describe("a process that dies while it fills", () => {
  test("holds the others up for its lease at most", async () => {
    const one = await start({ times: { leaseMs: 100 } });
    const member = newMember();
    const { version } = await one.profiles.put(member, { displayName: "a" });
    // What a killed process leaves behind: a token that nobody will use.
    await runScript(one.cache, "profiles/take", [profileKey(member)], ["of the dead", 100, ""]);
    expect(await nameOf(one, member)).toBe("a");
    expect(one.store.queries).toBe(1);
    expect(await one.cache.hget(profileKey(member), "v")).toBe(`${version}`);
  });

  test("does not hold up who waits longer than the lease of its own settings", async () => {
    const one = await start({ times: { leaseMs: 60 } });
    const member = newMember();
    await one.profiles.put(member, { displayName: "a" });
    await runScript(one.cache, "profiles/take", [profileKey(member)], ["of the dead", 60_000, ""]);
    expect(await nameOf(one, member)).toBe("a");
    // Read past the cache: the right to fill is another's.
    expect(await one.cache.hget(profileKey(member), "b")).toBeNull();
  });
});

describe("a process that dies right after its commit", () => {
  test("has told the cache before: no old copy is left, and none can be brought", async () => {
    const [writer, reader] = [await start(), await start()];
    const member = newMember();
    await writer.profiles.put(member, { displayName: "old" });
    expect(await nameOf(reader, member)).toBe("old");
    const committed = new Promise<void>((resolve) => {
      writer.store.afterCommit = () => {
        resolve();
        // What a killed process does next.
        return new Promise(() => undefined);
      };
    });
    void writer.profiles.put(member, { displayName: "new" });
    await committed;
    expect(await nameOf(reader, member)).toBe("new");
  });
});

describe("a cache", () => {
  test("that was emptied is filled again", async () => {
    const one = await start({ cacheUrl: second.url });
    const member = newMember();
    await one.profiles.put(member, { displayName: "a" });
    await nameOf(one, member);
    await one.cache.flushdb();
    expect(await nameOf(one, member)).toBe("a");
    expect(await one.cache.exists(profileKey(member))).toBe(1);
  });

  test("that is away is read past, with few queries at a time, and serves nothing old when it is back", async () => {
    const [writer, other] = [await start({ cacheUrl: second.url }), await start({ cacheUrl: second.url })];
    const members = Array.from({ length: 50 }, newMember);
    await writer.profiles.putMany(new Map(members.map((member) => [member, { displayName: "old" }])));
    for (const one of [writer, other]) await one.profiles.get(members);
    const [changed, removed] = members as [string, string];
    await second.kill();
    let underWay = 0;
    let most = 0;
    other.store.before = async () => {
      most = Math.max(most, ++underWay);
    };
    other.store.after = async () => {
      underWay--;
    };
    const readers = Array.from({ length: 2_000 }, (_, i) => nameOf(other, members[i % 50]!));
    expect(new Set(await Promise.all(readers))).toEqual(new Set(["old"]));
    expect(most).toBeLessThanOrEqual(4);
    const heard = new Promise<void>((resolve) =>
      other.profiles.onChange((member) => member === removed && resolve()),
    );
    await writer.profiles.put(changed, { displayName: "new" });
    await writer.profiles.remove(removed);
    await heard;
    await second.start();
    // The old copies are there: Redis has kept them. Whoever asks, and however early, does not get them.
    for (const one of [other, writer]) {
      for (let i = 0; i < 20; i++) {
        expect(await nameOf(one, changed)).toBe("new");
        expect(await nameOf(one, removed)).toBeUndefined();
      }
    }
    const stranger = await start({ cacheUrl: second.url });
    await eventually(async () => {
      expect(await nameOf(stranger, changed)).toBe("new");
      expect(await nameOf(stranger, removed)).toBeUndefined();
    });
  });

  test("whose writer died before it could be told is read past by whoever had the notice", async () => {
    const [writer, other] = [await start({ cacheUrl: second.url }), await start({ cacheUrl: second.url })];
    const [changed, same] = [newMember(), newMember()];
    await writer.profiles.putMany(new Map([changed, same].map((member) => [member, { displayName: "old" }])));
    await other.profiles.get([changed, same]);
    const old = await other.cache.hget(profileKey(changed), "v");
    await second.kill();
    // The word of the first write may come late: it is the second one's that counts.
    const heard = new Promise<void>((resolve) =>
      other.profiles.onChange((_, profile) => {
        if (profile?.displayName === "new") resolve();
      }),
    );
    await writer.profiles.put(changed, { displayName: "new" });
    await heard;
    await writer.stop();
    await second.start();
    // The other process reads from the cache again, which has the old copy still.
    await eventually(async () => {
      const before = other.store.queries;
      expect(await nameOf(other, same)).toBe("old");
      expect(other.store.queries).toBe(before);
    });
    expect(await other.cache.hget(profileKey(changed), "v")).toBe(old);
    expect(await nameOf(other, changed)).toBe("new");
  });

  test("that missed more writes than are remembered is not asked until every copy has run out", async () => {
    const clock = { ms: Date.now() };
    const options = { cacheUrl: second.url, now: () => clock.ms, times: { untoldMax: 3 } };
    const one = await start(options);
    const members = Array.from({ length: 6 }, newMember);
    await one.profiles.putMany(new Map(members.map((member) => [member, { displayName: "old" }])));
    await one.profiles.get(members);
    await second.kill();
    await one.profiles.putMany(new Map(members.map((member) => [member, { displayName: "new" }])));
    await second.start();
    await eventually(async () => expect(await one.cache.ping()).toBe("PONG"));
    for (const member of members) expect(await nameOf(one, member)).toBe("new");
    clock.ms += TIMES.ttlMs + 1;
    const queries = one.store.queries;
    await one.cache.flushdb();
    await one.profiles.get(members);
    await one.profiles.get(members);
    expect(one.store.queries).toBe(queries + 1);
  });
});

describe("a database that is away", () => {
  test("leaves what is cached, even if it is due, and nothing wrong; it is used again when it is back", async () => {
    const clock = { ms: Date.now() };
    const one = await start({ now: () => clock.ms, local: { ...LOCAL, ttlMs: 1_000 } });
    const [cached, kept, unknown] = [newMember(), newMember(), newMember()];
    await one.profiles.putMany(new Map([cached, kept].map((member) => [member, { displayName: "a" }])));
    await one.profiles.get([cached, kept]);
    await one.cache.del(profileKey(kept));
    clock.ms += TIMES.refreshMs + 1;
    await postgres.kill();
    const found = await one.profiles.get([cached, kept, unknown]);
    expect(found).toEqual(new Map([cached, kept].map((member) => [member, { displayName: "a" }])));
    // Past the local copies nothing is known of those two: that is not the same as "there is none".
    expect([...(await one.profiles.look([cached, kept, unknown], { isFresh: true })).keys()]).toEqual([
      cached,
    ]);
    await expect(one.profiles.put(cached, { displayName: "b" })).rejects.toMatchObject({
      code: "unavailable",
    });
    await postgres.start();
    await eventually(async () => expect(await one.profiles.put(cached, { displayName: "b" })).toBeTruthy());
    expect(await nameOf(one, cached)).toBe("b");
    await eventually(async () =>
      expect(await one.profiles.look([unknown], { isFresh: true })).toEqual(new Map([[unknown, undefined]])),
    );
  });
});
