/** `npm run bench -- rewards`: rewards a second for a whole season, next to one INSERT of the same rows, and when only the best are rewarded. */
import { sql } from "kysely";
import { Registry } from "prom-client";
import { RewardRuns } from "../../../server/archive/reward-run.ts";
import { systemClock } from "../../../server/base/clock.ts";
import { createLog } from "../../../server/base/log.ts";
import type { Database } from "../../../server/database/database.ts";
import {
  type BoardDefinition,
  boardDefinition,
  boardFrom,
  newSeason,
} from "../../../server/leaderboard/board-schema.ts";
import { rewardLease } from "../../../server/locks/lease.ts";
import { registerScripts } from "../../../server/redis/scripts.ts";
import type { RedisStore } from "../../../server/redis/store.ts";
import { createRewardMetrics } from "../../../server/rewards/reward-metrics.ts";
import { Rewards } from "../../../server/rewards/rewards.ts";
import { note } from "../../../server/webhooks/outbox.ts";
import { type BenchDatabase, openPglite, openPostgres } from "../../processes/bench-databases.ts";
import type { Bench, BenchContext } from "../bench.ts";
import { seconds } from "../lanes.ts";

const COLUMNS: BoardDefinition["columns"] = [{ name: "score", max: 100_000_000 }];
/** One entry in so many is hidden. */
const HIDDEN_ONE_IN = 1_000;
const FILL_ROWS = 5_000;
/** What the baseline inserts. */
const COPIED_MAX = 200_000;
const COPIED_AT_ONCE = 2_000;

const RULES: Record<"all" | "best", NonNullable<BoardDefinition["rewards"]>> = {
  all: [
    { id: "gold", ranks: { from: 1, to: 1 }, reward: { coins: 1_000 } },
    { id: "tenth", topPercent: 10, reward: { coins: 100 } },
    { id: "all", topPercent: 100, reward: { coins: 10 } },
  ],
  best: [{ id: "best", ranks: { from: 1, to: 1_000 }, reward: { coins: 1_000 } }],
};

export const rewardsBench: Bench = {
  name: "rewards",
  summary: "rewards of a season of a million, everybody's and the best thousand's (about 10 minutes)",
  run: async (context) => {
    const redis = await (await context.startRedis()).connect();
    registerScripts(redis);
    for (const start of [openPglite, openPostgres]) {
      const store = await start();
      if (!store) {
        context.say("  no PostgreSQL on this machine: its figures are left out");
        continue;
      }
      try {
        await measure(context, store, redis);
      } finally {
        await store.close();
      }
    }
  },
};

async function measure(
  { quick, report, say }: BenchContext,
  { kind, database }: BenchDatabase,
  redis: RedisStore,
): Promise<void> {
  say(`  ${kind}`);
  const entries = quick ? 3_000 : 1_000_000;
  await listen(database);
  const rewards = new Rewards({
    runs: new RewardRuns(database),
    note,
    lease: rewardLease(redis, 60_000),
    lookMs: 60_000,
    mayLook: () => true,
    onGranted: async () => undefined,
    log: createLog({ level: "error", pretty: false }),
    metrics: createRewardMetrics(new Registry()),
  });
  for (const which of ["all", "best"] as const) {
    await archiveSeason(database, which, entries);
    const took = await seconds(() => rewards.look());
    const granted = await grantedOn(database, which);
    if (which === "best") {
      report(`${kind}.best-thousand`, {
        value: took,
        unit: `s for ${granted} rewards of ${entries} entries`,
      });
      continue;
    }
    report(`${kind}.all`, { value: took, unit: `s for ${granted} rewards` });
    const copied = Math.min(granted, COPIED_MAX);
    const plain = copied / (await seconds(() => copy(database, which, copied)));
    const rate = granted / took;
    report(`${kind}.all.rate`, { value: rate, unit: "rewards/s", baseline: plain, ratio: rate / plain });
    report(`${kind}.all.events`, { value: await eventBytes(database, which), unit: "bytes a reward" });
  }
  await rewards.stop();
}

/** To which nobody listens, nothing is noted. It is never called, because nobody delivers here. */
async function listen(database: Database): Promise<void> {
  const endpoint = { id: "all", url: "https://example.com/", secret: "s", events: [], boards: [] };
  await database.run((db) => db.insertInto("webhook_endpoints").values(endpoint).execute());
}

/** A final table as its maker leaves it: every fourth entry shares the rank of the one before. */
async function archiveSeason(database: Database, id: keyof typeof RULES, entries: number): Promise<void> {
  const definition: BoardDefinition = { operator: "set", columns: COLUMNS, rewards: RULES[id] };
  const board = boardFrom(id, boardDefinition.parse(definition));
  const season = newSeason(board, 1, systemClock.now());
  for (let from = 1; from <= entries; from += FILL_ROWS) {
    const to = Math.min(entries, from + FILL_ROWS - 1);
    await database.run((db) =>
      sql`insert into final_entries (board, season, ordinal, rank, member, key, rest, visibility)
        select ${id}, 1, i, i - (i % 4 = 0)::int, 'player-' || i, i - (i % 4 = 0)::int, '',
          (i % ${HIDDEN_ONE_IN} = 0)::int
        from generate_series(${from}::int, ${to}::int) i`.execute(db),
    );
  }
  await database.run((db) => sql`analyze final_entries`.execute(db));
  const now = new Date();
  const times = { opened_at: now, ended_at: now, archived_at: now };
  await database.run((db) =>
    db
      .insertInto("seasons")
      .values({ board: id, season: 1, definition: JSON.stringify({ board, season }), entries, ...times })
      .execute(),
  );
}

async function grantedOn(database: Database, board: string): Promise<number> {
  const { rows } = await database.run((db) =>
    sql<{ n: number }>`select count(*) as n from rewards where board = ${board}`.execute(db),
  );
  return rows[0]!.n;
}

/** The same rows again, as those of another board, two thousand a statement: no progress, no events, nothing to decide. */
async function copy(database: Database, board: string, rows: number): Promise<void> {
  for (let after = 0; after < rows; after += COPIED_AT_ONCE) {
    const through = Math.min(rows, after + COPIED_AT_ONCE);
    await database.run((db) =>
      sql`insert into rewards (board, season, member, rule, ordinal, rank, granted_at)
        select 'plain', season, member, rule, ordinal, rank, granted_at from rewards
        where board = ${board} and season = 1 and ordinal > ${after} and ordinal <= ${through}`.execute(db),
    );
  }
}

async function eventBytes(database: Database, board: string): Promise<number> {
  const { rows } = await database.run((db) =>
    sql<{
      bytes: number;
    }>`select sum(octet_length(payload::text)) / sum(jsonb_array_length(payload -> 'granted')) as bytes
      from webhook_events where board = ${board} and type = 'rewards.granted'`.execute(db),
  );
  return Number(rows[0]!.bytes);
}
