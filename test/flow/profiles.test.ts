/** Profiles over HTTP: who may do what, and what is refused. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { profileKey } from "../../server/redis/keys.ts";
import { eventually } from "../support/eventually.ts";
import { newMember } from "../support/profiles.ts";
import { startTestRedis } from "../support/redis.ts";
import { type Answer, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl } from "../support/shared-redis.ts";

type Body = {
  member: string;
  version: number;
  profile: Record<string, unknown>;
  error: { code: string; message: string };
  profiles: { member: string; profile: unknown }[];
  missing: string[];
  versions: { member: string; version: number }[];
};

let server: TestServer;
beforeAll(async () => {
  server = await startServer(sharedRedisUrl(), { PROFILE_WRITERS: "player" });
  // PGlite's start takes seconds where much else runs.
  await server.running.database.ready();
});
afterAll(() => server.stop());

const call = (method: string, path: string, body?: unknown, key?: string): Promise<Answer<Body>> =>
  server.call<Body>(method, path, {
    ...(key === undefined ? {} : { key }),
    ...(body === undefined ? {} : { body }),
  });
const own = (method: string, member: string, body?: unknown, key = SERVER_KEY): Promise<Answer<Body>> =>
  call(method, `/v1/profiles/${encodeURIComponent(member)}`, body, key);
const read = (member: string): Promise<Answer<Body>> => call("GET", `/v1/profiles/${member}`);

describe("a profile", () => {
  test("is put, changed and removed by the game's server, and read by anybody", async () => {
    const member = newMember();
    expect((await read(member)).body.error.code).toBe("profile_not_found");
    const profile = { displayName: "Zoë", country: "CH", extra: { level: 3 } };
    expect((await own("PUT", member, profile)).body).toEqual({
      member,
      version: expect.any(Number),
      profile,
    });
    expect((await read(member)).body).toEqual({ member, profile });
    const patched = await own("PATCH", member, { country: null, avatarUrl: "https://example.com/z.png" });
    expect(patched.body.profile).toEqual({
      displayName: "Zoë",
      avatarUrl: "https://example.com/z.png",
      extra: { level: 3 },
    });
    expect((await read(member)).body.profile).toEqual(patched.body.profile);
    expect((await own("DELETE", member)).body).toEqual({ member, version: expect.any(Number) });
    expect(await read(member)).toMatchObject({ status: 404 });
    expect((await own("PATCH", member, { country: "CH" })).body.error.code).toBe("profile_not_found");
    expect((await own("DELETE", member)).body.error.code).toBe("profile_not_found");
  });

  test("is a player's own to change where players may, and nobody else's", async () => {
    const [member, other] = [newMember(), newMember()];
    const token = await server.signIn(member);
    expect(await own("PUT", member, { displayName: "me" }, token)).toMatchObject({ status: 200 });
    expect(await own("PUT", other, { displayName: "me" }, token)).toMatchObject({ status: 403 });
    expect(await call("PUT", `/v1/profiles/${member}`, {})).toMatchObject({ status: 401 });
    expect(await call("POST", "/v1/profiles", { profiles: [{ member }] }, token)).toMatchObject({
      status: 403,
    });
    expect(await own("DELETE", member, undefined, token)).toMatchObject({ status: 200 });
  });

  test.each([
    ["a name of 65 characters", { displayName: "x".repeat(65) }],
    ["an empty name", { displayName: "" }],
    ["a name that turns the direction of text", { displayName: "a\u202eb" }],
    ["a name with a line feed", { displayName: "a\nb" }],
    ["a picture that is not https", { avatarUrl: "http://example.com/a.png" }],
    ["a picture of no URL", { avatarUrl: "javascript:alert(1)" }],
    ["a country that there is not", { country: "XX" }],
    ["more than 16 KB", { extra: "x".repeat(16 * 1024) }],
    ["what is too deep", { extra: JSON.parse("[".repeat(40) + "]".repeat(40)) }],
    ["NUL, which the database does not take", { extra: { a: "\u0000" } }],
    ["half a surrogate pair", { extra: ["\ud800"] }],
    ["a number beyond float64", '{"extra": [1e400]}'],
    ["a field that there is not", { nick: "a" }],
  ])("of %s is refused, and nothing changes", async (_, profile) => {
    const member = newMember();
    expect((await own("PUT", member, profile)).body.error.code).toBe("bad_request");
    expect((await own("PATCH", member, profile)).body.error.code).toBe("bad_request");
    expect(await read(member)).toMatchObject({ status: 404 });
  });

  test("with backslashes before a u, in values and in names, is kept as it is", async () => {
    const extra = { path: "C:\\udemy", "\\ud800": "\\u0000" };
    const member = newMember();
    expect((await own("PUT", member, { extra })).body.profile).toEqual({ extra });
    expect((await read(member)).body.profile).toEqual({ extra });
  });

  test("of the longest name, the largest extra and a member with odd letters is kept as it is", async () => {
    const member = `${newMember()} {ä}/?#`;
    const profile = { displayName: "😀".repeat(64), extra: ["x".repeat(16 * 1024 - 4)] };
    expect((await own("PUT", member, profile)).body.profile).toEqual(profile);
    expect((await read(encodeURIComponent(member))).body.profile).toEqual(profile);
  });
});

describe("many profiles", () => {
  test("are imported and read with one call each", async () => {
    const members = Array.from({ length: 1_000 }, newMember);
    const profiles = members.map((member, i) => ({ member, displayName: `n${i}` }));
    const imported = await call("POST", "/v1/profiles", { profiles }, SERVER_KEY);
    expect(imported.body.versions).toHaveLength(1_000);
    const asked = [...members.slice(1), newMember()];
    const { body } = await call("POST", "/v1/profiles", { members: asked });
    expect(body.profiles).toHaveLength(999);
    expect(body.profiles[0]).toEqual({ member: members[1], profile: { displayName: "n1" } });
    expect(body.missing).toEqual([asked.at(-1)]);
  });

  test("are at most a thousand, each named once, and all of them right", async () => {
    const members = Array.from({ length: 1_001 }, newMember);
    const many = await call("POST", "/v1/profiles", { members });
    expect(many.body.error.code).toBe("too_many_items");
    const [member, other] = members as [string, string];
    for (const profiles of [
      [{ member }, { member }],
      [
        { member, country: "CH" },
        { member: other, country: "?" },
      ],
      [],
    ]) {
      const { body } = await call("POST", "/v1/profiles", { profiles }, SERVER_KEY);
      expect(body.error.code).toBe("bad_request");
    }
    expect(await read(member)).toMatchObject({ status: 404 });
    expect((await call("POST", "/v1/profiles", [])).body.error.code).toBe("bad_request");
    expect((await call("POST", "/v1/profiles", { members: [""] })).body.error.code).toBe("bad_request");
  });
});

test("a server starts while the cache's Redis is away, and uses it when it is there", {
  timeout: 60_000,
}, async () => {
  const cache = await startTestRedis();
  await cache.kill();
  const early = await startServer(sharedRedisUrl(), { CACHE_REDIS_URL: cache.url });
  await early.running.database.ready();
  const member = newMember();
  const path = `/v1/profiles/${member}`;
  const put = await early.call("PUT", path, { key: SERVER_KEY, body: { country: "CH" } });
  expect(put.status).toBe(200);
  expect((await early.call<Body>("GET", path)).body.profile).toEqual({ country: "CH" });
  await cache.start();
  await eventually(async () => {
    await early.call("GET", path);
    expect(await cache.client().exists(profileKey(member))).toBe(1);
  });
  await early.stop();
  await cache.stop();
});

test("players may not change profiles unless a setting says so", async () => {
  const strict = await startServer(sharedRedisUrl(), {});
  const member = newMember();
  const token = await strict.signIn(member);
  const answer = await strict.call("PUT", `/v1/profiles/${member}`, { key: token, body: {} });
  expect(answer.status).toBe(403);
  await strict.stop();
});
