/** The constants of the memory planner, each measured anew on a real Redis and a real PostgreSQL. */

import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UNITS, type UnitName } from "../../server/cli/capacity-constants.ts";
import { Database } from "../../server/database/database.ts";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { commandConnection, silentLog } from "../support/builders.ts";
import { POSTGRES_INSTALL_MS, startTestPostgres } from "../support/postgres.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { perBoard, perFeed, perMember, perSubmission } from "./board-measures.ts";
import { perKey, perRow, perSession } from "./key-measures.ts";
import { perArchivedRow } from "./row-measures.ts";

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

/** Each within 10 % of the table, or within 4 bytes where that is more: the allocator's steps are 16. */
function expectUnits(measured: Partial<Record<UnitName, number>>): void {
  for (const [name, bytes] of Object.entries(measured)) {
    const expected = UNITS[name as UnitName].bytes;
    const off = Math.abs(bytes - expected);
    expect(off, `${name} is ${bytes.toFixed(1)} B, the table says ${expected}`).toBeLessThanOrEqual(
      Math.max(0.1 * expected, 4),
    );
  }
}

function wide(columns: number): Partial<BoardDefinition> {
  const more = Array.from({ length: columns }, (_, i) => ({ name: `c${i}`, type: "int64" as const }));
  return { columns: [{ name: "score", max: 1_000_000_000 }, ...more] };
}

describe("the constants of the memory planner are what Redis takes", () => {
  test("for a member, packed and wide", async () => {
    const wideEntry = await perMember(redis, "wide-1", wide(1));
    const wideFour = await perMember(redis, "wide-4", wide(4));
    expectUnits({
      entry: await perMember(redis, "packed"),
      wideEntry,
      wideColumn: (wideFour - wideEntry) / 3,
    });
  });

  test("for a submission: its id, its share of the score log", async () => {
    const { id, alone, together, logged } = await perSubmission(redis);
    expectUnits({ id, logEvent: alone, logId: logged });
    expectUnits({ logEvent: together });
  });

  test("for a feed and a rank index", async () => {
    const { frame, row, top, boundary } = await perFeed(redis);
    expectUnits({ frame, frameRow: row, topRow: top, boundary });
  });

  test("for a board where nobody plays", async () => {
    expectUnits(await perBoard(redis));
  });

  test("for a session", async () => {
    expectUnits(await perSession(redis));
  });

  test("for windows of limits, counters and cached profiles", async () => {
    expectUnits(await perKey(redis));
  });
});

test("and what PostgreSQL takes for a row with its indexes", { timeout: POSTGRES_INSTALL_MS }, async () => {
  const postgres = await startTestPostgres();
  const url = await postgres.newDatabase();
  const database = new Database({ url, dataDir: "", connectionsMax: 2, timeoutMs: 20_000, log: silentLog });
  const { profile, device, key } = await perRow(database);
  expectUnits({ profileRow: profile, deviceRow: device, keyRow: key });
  expectUnits(await perArchivedRow(database));
  await database.close();
  await postgres.stop();
});
