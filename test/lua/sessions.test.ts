/** What the session scripts promise, on a real Redis [R 11]. */
import { createHash } from "node:crypto";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sessionsKey } from "../../server/redis/keys.ts";
import { runScript } from "../../server/redis/scripts.ts";
import { Sessions } from "../../server/sessions/sessions.ts";
import { commandConnection } from "../support/builders.ts";
import { eventually } from "../support/eventually.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

const LIMITS = { idleMs: 60_000, maxMs: 120_000, keptMax: 3 };

let redis: Redis;
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
});
afterAll(() => redis.disconnect());

const newMember = (): string => uniqueBoard("player");
const tagOf = (token: string): string => token.slice(0, 8);
const kept = (token: string): Promise<number> => redis.hlen(sessionsKey(tagOf(token)));

async function isLive(sessions: Sessions, token: string): Promise<boolean> {
  return sessions.touch(token).then(
    () => true,
    (error: { code: string }) => {
      expect(error.code).toBe("unauthorized");
      return false;
    },
  );
}

describe("a session", () => {
  test("is known by its token, of which Redis holds no more than a hash", async () => {
    const sessions = new Sessions(redis, LIMITS);
    const { token, member } = await sessions.open(newMember());
    expect(await sessions.touch(token)).toMatchObject({ member });
    const stored = JSON.stringify(await redis.hgetall(sessionsKey(tagOf(token))));
    expect(stored).not.toContain(token.slice(9));
    expect(stored).toContain(createHash("sha256").update(token.slice(9)).digest("hex"));
    const other = token.endsWith("A") ? "B" : "A";
    expect(await isLive(sessions, token.slice(0, -1) + other)).toBe(false);
  });

  test("slides with its use, but never past its hard end", async () => {
    const sessions = new Sessions(redis, { ...LIMITS, idleMs: 400, maxMs: 700 });
    const { token } = await sessions.open(newMember());
    const startedAt = performance.now();
    let ends = 0;
    await eventually(async () => {
      const live = await sessions.touch(token).catch(() => undefined);
      if (live) ends = performance.now() - startedAt;
      expect(live).toBeUndefined();
    });
    // Kept in use it outlives its idle time, and ends all the same.
    expect(ends).toBeGreaterThan(400);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(690);
  });

  test("that is not used ends, and leaves no key behind", async () => {
    const sessions = new Sessions(redis, { ...LIMITS, idleMs: 50 });
    const { token } = await sessions.open(newMember());
    await eventually(async () => expect(await redis.exists(sessionsKey(tagOf(token)))).toBe(0));
    expect(await isLive(sessions, token)).toBe(false);
  });

  test("does not shorten the life of another one of the same player", async () => {
    const member = newMember();
    const long = new Sessions(redis, LIMITS);
    const short = new Sessions(redis, { ...LIMITS, idleMs: 50 });
    const { token } = await long.open(member);
    const { token: other } = await short.open(member);
    await short.touch(other);
    // Looked at less often than it may idle: looking is using.
    await eventually(async () => expect(await isLive(short, other)).toBe(false), { everyMs: 150 });
    expect(await isLive(long, token)).toBe(true);
  });
});

describe("the sessions of one player", () => {
  test("are listed with their times, use makes one the first, and each is revoked by its id", async () => {
    const sessions = new Sessions(redis, LIMITS);
    const member = newMember();
    const [first, second] = [await sessions.open(member, "jwt"), await sessions.open(member, "device")];
    await new Promise((resolve) => setTimeout(resolve, 3));
    await sessions.touch(first.token);
    const listed = await sessions.list(member);
    expect(listed.map(({ id, how }) => [id, how])).toEqual([
      [first.id, "jwt"],
      [second.id, "device"],
    ]);
    for (const { createdAtMs, usedAtMs, expiresAtMs, endsAtMs } of listed) {
      expect(expiresAtMs - usedAtMs).toBe(LIMITS.idleMs);
      expect(endsAtMs - createdAtMs).toBe(LIMITS.maxMs);
    }
    expect(listed[0]!.usedAtMs).toBeGreaterThan(listed[0]!.createdAtMs);
    expect([await sessions.revoke(member, first.id), await sessions.revoke(member, first.id)]).toEqual([
      1, 0,
    ]);
    expect([await isLive(sessions, first.token), await isLive(sessions, second.token)]).toEqual([
      false,
      true,
    ]);
  });

  test("that an older version stored are over, and in nobody's way", async () => {
    const sessions = new Sessions(redis, LIMITS);
    const { token, member } = await sessions.open(newMember());
    await redis.hset(
      sessionsKey(tagOf(token)),
      "0".repeat(64),
      `${Date.now() + 60_000} ${Date.now() + 90_000} ${member}`,
    );
    expect(await sessions.list(member)).toHaveLength(1);
    expect(await kept(token)).toBe(1);
  });

  test("are asked about many at a time, and those that are over are told", async () => {
    const sessions = new Sessions(redis, LIMITS);
    const tokens: string[] = [];
    for (let i = 0; i < 5; i++) tokens.push((await sessions.open(newMember())).token);
    const { token, member } = await sessions.open(newMember());
    await sessions.revokeAll(member);
    tokens.splice(2, 0, token);
    const live = expect.any(Number);
    expect(await sessions.touchAll(tokens)).toEqual([live, live, "over", live, live, live]);
  });

  test("are at most as many as the cap: the least used one ends", async () => {
    const sessions = new Sessions(redis, LIMITS);
    const member = newMember();
    const tokens: string[] = [];
    for (let i = 0; i < 3; i++) {
      tokens.push((await sessions.open(member)).token);
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    await sessions.touch(tokens[0]!);
    const { token } = await sessions.open(member);
    const live = await Promise.all([...tokens, token].map((one) => isLive(sessions, one)));
    expect(live).toEqual([true, false, true, true]);
    expect(await kept(token)).toBe(3);
  });

  test("that are over are pruned when another one opens", async () => {
    const member = newMember();
    const short = new Sessions(redis, { ...LIMITS, idleMs: 30 });
    const long = new Sessions(redis, LIMITS);
    const { token } = await long.open(member);
    await short.open(member);
    expect(await kept(token)).toBe(2);
    await eventually(async () => {
      const { token: next } = await new Sessions(redis, { ...LIMITS, keptMax: 100 }).open(member);
      const live = await Promise.all([isLive(long, token), isLive(long, next)]);
      expect(live).toEqual([true, true]);
      const all = Object.values(await redis.hgetall(sessionsKey(tagOf(token))));
      expect(all.filter((text) => Number(text.split(" ")[0]) <= Date.now() - 10)).toEqual([]);
    });
  });

  test("end all at once, those of others on the same tag do not", async () => {
    const sessions = new Sessions(redis, LIMITS);
    const member = newMember();
    const { token } = await sessions.open(member);
    await sessions.open(member);
    // Names that share a tag are too rare to find: store the other one where it would be.
    const secretHash = createHash("sha256").update("other").digest("hex");
    const args = [secretHash, `${member} the second`, "s", 60_000, 60_000, 3];
    await runScript(redis, "sessions/open", [sessionsKey(tagOf(token))], args);
    const key = sessionsKey(tagOf(token));
    expect(await runScript(redis, "sessions/revoke", [key], [member, secretHash])).toEqual(["revoked", 0]);
    expect((await sessions.list(member)).map(({ id }) => id)).not.toContain(secretHash.slice(0, 16));
    expect(await sessions.revokeAll(member)).toBe(2);
    expect(await isLive(sessions, token)).toBe(false);
    expect(await redis.hkeys(sessionsKey(tagOf(token)))).toEqual([secretHash]);
    expect(await sessions.revokeAll(member)).toBe(0);
    expect(await isLive(sessions, (await sessions.open(member)).token)).toBe(true);
  });
});
