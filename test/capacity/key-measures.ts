/**
 * Bytes of what stands beside the boards, one key or row each: sessions, windows, counters, cached profiles, and the tables of the
 * database. By growth, since here the keys are what is counted.
 */
import type { Redis } from "ioredis";
import { sql } from "kysely";
import { expect } from "vitest";
import type { Database } from "../../server/database/database.ts";
import { Sessions } from "../../server/sessions/sessions.ts";
import { eventually } from "../support/eventually.ts";
import { bytesOf, memberOf, slots, used } from "./board-measures.ts";

const DAY_MS = 86_400_000;
const LONG_ID = 30;
/** What an id of 30 bytes takes beyond one of 12, as the planner reckons. */
const LONGER_BYTES = 16;

/** Bytes of a session of a player who has one, with the default times. */
export async function perSession(redis: Redis): Promise<{ session: number; longSession: number }> {
  const sessions = new Sessions(redis, { idleMs: DAY_MS, maxMs: 30 * DAY_MS, keptMax: 5 });
  const signIns = (idOf: (i: number) => string) =>
    growth(redis, async (from, to) => {
      await Promise.all(Array.from({ length: to - from }, (_, i) => sessions.open(idOf(from + i))));
    });
  const session = await signIns(memberOf);
  const longSession = (await signIns((i) => memberOf(i).padEnd(LONG_ID, "."))) - LONGER_BYTES;
  return { session, longSession };
}

const KEYS = 16_000;

/** Bytes of each of many keys with an expiry, by growth, without the two slots that each has. The Redis must have been empty. */
async function growth(redis: Redis, make: (from: number, to: number) => Promise<unknown>): Promise<number> {
  await redis.flushdb("SYNC");
  const before = await used(redis);
  for (let at = 0; at < KEYS; at += 400) await make(at, at + 400);
  // Until both tables have moved to their last size.
  await eventually(async () => {
    expect(await redis.call("DEBUG", "HTSTATS", "0")).not.toContain("rehashing target");
  });
  return ((await used(redis)) - before - 2 * slots(KEYS)) / KEYS;
}

async function manyHashes(redis: Redis, key: (i: number) => string, fields: string[]): Promise<number> {
  return growth(redis, (from, to) => {
    const pipeline = redis.pipeline();
    for (let i = from; i < to; i++) pipeline.hset(key(i), ...fields).pexpire(key(i), 6_000_000);
    return pipeline.exec();
  });
}

const AVATAR = "https://cdn.example.com/avatars/0123456789abcdef.png";

/** Bytes of a caller's fixed window, of a hash of counters, of a cached profile, and of a day's unique players. */
export async function perKey(redis: Redis) {
  const now = "1795598296220";
  const hash = (i: number): string => i.toString(36).padStart(22, "0");
  const counters = ["accepted", "unchanged", "duplicate", "limited", "held", "rejected"].flatMap((n) => [
    n,
    "123456",
  ]);
  const body = JSON.stringify({
    displayName: "Ann Example",
    avatarUrl: AVATAR,
    country: "DE",
    extra: { clan: "blue", level: 12 },
  });
  const window = await manyHashes(redis, (i) => `rw:{l.${hash(i)}}:http-player`, ["until", now, "n", "12"]);
  const counts = await manyHashes(redis, (i) => `rw:{c.board${i}.1.12}:counts:20417`, counters);
  const profile = await manyHashes(redis, (i) => `rw:profile:${memberOf(i)}`, [
    "v",
    "3",
    "r",
    now,
    "b",
    body,
  ]);
  await redis.flushdb("SYNC");
  const members = Array.from({ length: 20_000 }, (_, i) => memberOf(i));
  await redis.pfadd("players", ...members);
  return { window, counts, profile, playersOfDay: await bytesOf(redis, "players") };
}

/** Bytes of a row of each table, with its indexes. */
export async function perRow(database: Database): Promise<{ profile: number; device: number; key: number }> {
  const rows = 20_000;
  const size = async (table: "profiles" | "devices" | "api_keys", select: ReturnType<typeof sql>) =>
    database.run(async (db) => {
      await sql`insert into ${sql.table(table)} ${select}`.execute(db);
      const { rows: told } = await sql<{
        bytes: number;
      }>`select pg_total_relation_size(${table}) as bytes`.execute(db);
      return Number(told[0]!.bytes) / rows;
    });
  const number = sql`generate_series(1, ${sql.lit(rows)}) as i`;
  return {
    profile: await size(
      "profiles",
      sql`(member, version, display_name, avatar_url, country)
        select 'm' || lpad(i::text, 11, '0'), 1, 'Ann Example', ${AVATAR}, 'DE' from ${number}`,
    ),
    device: await size(
      "devices",
      sql`(device_hash, member, anonymous)
        select sha256(i::text::bytea), 'm' || lpad(i::text, 11, '0'), true from ${number}`,
    ),
    key: await size(
      "api_keys",
      sql`(id, name, role, secret_hash)
        select 'k' || lpad(i::text, 11, '0'), 'game server ' || i, 'server', sha256(i::text::bytea) from ${number}`,
    ),
  };
}
