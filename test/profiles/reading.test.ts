/** Reading profiles through the cache: one query for many readers, early refresh, expiry, members without a profile. */
import { expect, test } from "vitest";
import type { Profile } from "../../client-sdk/protocol/messages.ts";
import { profileKey } from "../../server/redis/keys.ts";
import { describeOnBoth } from "../support/databases.ts";
import { eventually } from "../support/eventually.ts";
import {
  LOCAL,
  newMember,
  type ProfileTools,
  profileTools,
  TIMES,
  writeUnheard,
} from "../support/profiles.ts";

describeOnBoth("profiles", (store) => {
  const tools = profileTools(store);
  describeTable(tools);
  describeFlight(tools);
  describeAges(tools);
  describeLocal(tools);
});

function describeTable({ start, database }: ProfileTools): void {
  test("are what was put, whole, and nothing for others", async () => {
    const { profiles } = await start();
    const member = newMember();
    const profile: Profile = {
      displayName: "Zoë Ω",
      avatarUrl: "https://example.com/a.png",
      country: "CH",
      extra: { level: 7, tags: ["a", "é"], nested: { is: null } },
    };
    await profiles.put(member, profile);
    const bare = newMember();
    await profiles.put(bare, {});
    expect(await profiles.get([member, bare, newMember()])).toEqual(
      new Map([
        [member, profile],
        [bare, {}],
      ]),
    );
    expect(await profiles.get([])).toEqual(new Map());
  });

  test("change by fields and are removed, with versions that never go back", async () => {
    const { profiles } = await start();
    const member = newMember();
    await expect(profiles.patch(member, { country: "CH" })).rejects.toMatchObject({
      code: "profile_not_found",
    });
    await expect(profiles.remove(member)).rejects.toMatchObject({ code: "profile_not_found" });
    const versions = [(await profiles.put(member, { displayName: "a", country: "DE", extra: [1] })).version];
    const patched = await profiles.patch(member, { country: "CH", extra: null });
    versions.push(patched.version);
    expect(patched).toMatchObject({ profile: { displayName: "a", country: "CH" } });
    expect((await profiles.get([member])).get(member)).toEqual({ displayName: "a", country: "CH" });
    versions.push((await profiles.remove(member)).version);
    expect((await profiles.get([member])).size).toBe(0);
    await expect(profiles.remove(member)).rejects.toMatchObject({ code: "profile_not_found" });
    versions.push((await profiles.put(member, { displayName: "b" })).version);
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
    expect((await profiles.get([member])).get(member)).toEqual({ displayName: "b" });
  });

  test("that are written after the table was lost are read, whatever the cache remembers", async () => {
    const { profiles } = await start();
    const member = newMember();
    for (const displayName of ["first", "second"]) await profiles.put(member, { displayName });
    expect((await profiles.get([member])).get(member)).toEqual({ displayName: "second" });
    await database().run((db) => db.deleteFrom("profiles").where("member", "=", member).execute());
    await profiles.put(member, { displayName: "after" });
    expect((await profiles.get([member])).get(member)).toEqual({ displayName: "after" });
  });

  test("of a thousand members are read in one query, and then in none", async () => {
    const { profiles, store: counted } = await start();
    const members = Array.from({ length: 1_000 }, newMember);
    await profiles.putMany(new Map(members.map((member, i) => [member, { displayName: `n${i}` }])));
    const first = await profiles.get([...members, newMember()].slice(1));
    expect(first.size).toBe(999);
    expect(counted.queries).toBe(1);
    expect((await profiles.get(members.slice(1))).get(members[7]!)).toEqual({ displayName: "n7" });
    expect(counted.queries).toBe(1);
  });
}

function describeFlight({ start }: ProfileTools): void {
  test("that a thousand readers in two processes want at once cost one query", async () => {
    const [one, two] = [await start(), await start()];
    const member = newMember();
    await one.profiles.put(member, { displayName: "wanted" });
    // The query takes until both processes have asked, so that all of them are waiting for it.
    one.store.before = two.store.before = async () => {
      await eventually(async () => {
        const { values } = await Promise.all([one, two].map(({ metrics }) => metrics.waits.get())).then(
          ([a, b]) => ({ values: a!.values[0]!.value + b!.values[0]!.value }),
        );
        expect(values).toBeGreaterThan(0);
      });
    };
    const readers = Array.from({ length: 1_000 }, (_, i) => (i % 2 === 0 ? one : two).profiles.get([member]));
    const answers = await Promise.all(readers);
    expect(answers.every((answer) => answer.get(member)?.displayName === "wanted")).toBe(true);
    expect(one.store.queries + two.store.queries).toBe(1);
  });

  test("that do not exist are remembered for the shorter time, and appear when they are put", async () => {
    const { profiles, store: counted, cache } = await start();
    const member = newMember();
    expect((await profiles.get([member])).size).toBe(0);
    expect((await profiles.get([member])).size).toBe(0);
    expect(await profiles.look([member])).toEqual(new Map([[member, undefined]]));
    expect(counted.queries).toBe(1);
    const ttl = await cache.pttl(profileKey(member));
    expect(ttl).toBeLessThanOrEqual(TIMES.negativeTtlMs);
    expect(ttl).toBeGreaterThan(TIMES.negativeTtlMs / 2);
    await profiles.put(member, { displayName: "new" });
    expect((await profiles.get([member])).get(member)).toEqual({ displayName: "new" });
  });
}

function describeAges({ start, database }: ProfileTools): void {
  test("of some age are answered at once and refreshed by one reader in the background", async () => {
    const clock = { ms: Date.now() };
    const now = (): number => clock.ms;
    const [one, two] = [await start({ now }), await start({ now })];
    const member = newMember();
    await one.profiles.put(member, { displayName: "old" });
    await one.profiles.get([member]);
    await writeUnheard(database(), member, "newer");
    expect((await two.profiles.get([member])).get(member)).toEqual({ displayName: "old" });
    expect(two.store.queries).toBe(0);
    clock.ms += TIMES.refreshMs + 1;
    let letGo = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    one.store.before = two.store.before = () => held;
    const before = one.store.queries;
    for (let i = 0; i < 20; i++) {
      const reader = i % 2 === 0 ? one : two;
      expect((await reader.profiles.get([member])).get(member)).toEqual({ displayName: "old" });
    }
    await eventually(() => expect(one.store.queries + two.store.queries).toBe(before + 1));
    letGo();
    await eventually(async () =>
      expect((await two.profiles.get([member])).get(member)).toEqual({ displayName: "newer" }),
    );
    expect(one.store.queries + two.store.queries).toBe(before + 1);
  });

  test("live for 90 to 100 % of their time in Redis, and are gone then", async () => {
    const { profiles, store: counted, cache } = await start();
    const members = Array.from({ length: 200 }, newMember);
    await profiles.putMany(new Map(members.map((member) => [member, {}])));
    await profiles.get(members);
    const left = await Promise.all(members.map((member) => cache.pttl(profileKey(member))));
    expect(Math.max(...left)).toBeLessThanOrEqual(TIMES.ttlMs);
    expect(Math.min(...left)).toBeGreaterThan(TIMES.ttlMs * 0.9 - 10_000);
    expect(new Set(left.map((ms) => Math.floor(ms / 1_000))).size).toBeGreaterThan(5);

    const short = await start({ times: { ttlMs: 40, refreshMs: 39 } });
    const member = newMember();
    await short.profiles.put(member, { displayName: "a" });
    await short.profiles.get([member]);
    await eventually(async () => expect(await cache.exists(profileKey(member))).toBe(0));
    await writeUnheard(database(), member, "b");
    expect((await short.profiles.get([member])).get(member)).toEqual({ displayName: "b" });
    expect(counted.queries).toBe(1);
  });
}

function describeLocal({ start }: ProfileTools): void {
  test("kept in a process are cleared by a notice from another one, who tells whoever listens", async () => {
    const [one, two] = [await start({ local: LOCAL }), await start({ local: LOCAL })];
    const member = newMember();
    await one.profiles.put(member, { displayName: "first" });
    for (const { profiles } of [one, two]) await profiles.get([member]);
    const heard: unknown[] = [];
    two.profiles.onChange((who, profile) => who === member && heard.push(profile));
    const queries = two.store.queries;
    await one.profiles.put(member, { displayName: "second", extra: { a: 1 } });
    await one.profiles.remove(member);
    await eventually(() => expect(heard).toEqual([{ displayName: "second", extra: { a: 1 } }, undefined]));
    expect((await two.profiles.get([member])).size).toBe(0);
    expect((await one.profiles.get([member])).size).toBe(0);
    expect(two.store.queries + one.store.queries).toBeGreaterThan(queries);
    const before = one.store.queries + two.store.queries;
    const reads = await two.metrics.reads.get();
    await two.profiles.get([member]);
    expect(one.store.queries + two.store.queries).toBe(before);
    const local = async () =>
      (await two.metrics.reads.get()).values.find(({ labels }) => labels.from === "local");
    expect((await local())!.value).toBeGreaterThan(
      reads.values.find(({ labels }) => labels.from === "local")?.value ?? 0,
    );
  });
}
