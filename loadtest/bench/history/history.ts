/** `npm run bench -- history`: what a published frame, a whole top and a rank index take in the tables, and what a read of a past top costs. */
import type { Redis } from "ioredis";
import { sql } from "kysely";
import type { Row } from "../../../client-sdk/protocol/messages.ts";
import { BoardMirror } from "../../../server/archive/board-mirror.ts";
import { saveSample } from "../../../server/archive/rank-samples.ts";
import { StoredSeasons } from "../../../server/archive/stored-seasons.ts";
import { FeedArchiver } from "../../../server/archiver/feed-archiver.ts";
import { createLog } from "../../../server/base/log.ts";
import { historyOptions } from "../../../server/compose-history.ts";
import { parseConfig } from "../../../server/config.ts";
import type { Database } from "../../../server/database/database.ts";
import { appendFrame, readSnapshot } from "../../../server/feed/feed-store.ts";
import { PastTops } from "../../../server/history/past-tops.ts";
import type { OpenBoard } from "../../../server/leaderboard/board.ts";
import { rowOf } from "../../../server/leaderboard/codec.ts";
import { Lease } from "../../../server/locks/lease.ts";
import { feedLimits, feedOf } from "../../../server/options.ts";
import { encodeIndex } from "../../../server/rank-index/index-frame.ts";
import { RankIndex, thinned } from "../../../server/rank-index/rank-index.ts";
import { leaseKeys } from "../../../server/redis/keys.ts";
import { openPglite } from "../../processes/bench-databases.ts";
import type { Bench, BenchContext } from "../bench.ts";
import { openBoard } from "../boards.ts";
import { Population, randomScore, SCORE_MAX } from "../population.ts";

const TOP = 1_000;
const CHANGES = 10;
/** As many as come in a second of the default tick. */
const FRAMES_A_TURN = 10;
const config = parseConfig({});

export const historyBench: Bench = {
  name: "history",
  summary: "bytes of archived frames, tops and rank indexes, and reads of past tops (about a minute)",
  run: async (context) => {
    const redis = await (await context.startRedis()).connect();
    const { database, close } = await openPglite();
    try {
      await measure(context, redis, database);
    } finally {
      await close();
    }
  },
};

async function measure({ quick, report }: BenchContext, redis: Redis, database: Database): Promise<void> {
  const columns = [{ name: "score", max: SCORE_MAX }];
  const open = await openBoard(redis, "history", { operator: "set", shards: 1, columns });
  const { board, season } = open;
  const life = await new BoardMirror(database).ensureLife(board.id, season.number, season.incarnation);
  const { feeds } = historyOptions(config);
  const log = createLog({ level: "error", pretty: false });
  const archiver = new FeedArchiver(
    { open, life },
    { redis, database, log, feeds: { ...feeds, everyMs: 0 } },
  );
  const frames = quick ? 120 : 5_000;
  let archiving = 0;
  await publish(redis, open, frames, async () => {
    const startedAt = performance.now();
    while (await archiver.turn(open));
    archiving += performance.now() - startedAt;
  });
  report("archiving", { value: (1_000 * archiving) / frames, unit: "µs/frame of 10 changes, PGlite" });
  await reportBytes(database, life, report);

  const tops = new PastTops({ redis, database, seasons: new StoredSeasons(database) });
  const span = Date.now() - season.openedAtMs;
  const reads = quick ? 5 : 300;
  const startedAt = performance.now();
  for (let i = 0; i < reads; i++) {
    await tops.at(open, season.openedAtMs + Math.floor(Math.random() * span), true);
  }
  report("top-at", { value: (performance.now() - startedAt) / reads, unit: "ms/read of 1,000 rows" });

  await saveSample(database, { life, atMs: 1 }, encodeIndex(sampleOf(season.incarnation)));
  const { rows } = await database.run((db) =>
    sql<{ bytes: number }>`select octet_length(body) as bytes from rank_samples`.execute(db),
  );
  report("rank-index", { value: rows[0]!.bytes, unit: "B, of a million members" });
}

async function reportBytes(database: Database, life: number, report: BenchContext["report"]): Promise<void> {
  const { rows } = await database.run((db) =>
    sql<{ kind: string; bytes: number; parts: number; frames: number }>`
      select kind, sum(octet_length(body))::float8 as bytes, count(*) as parts,
        sum(last_offset - first_offset + 1)::float8 as frames
      from feed_parts where life = ${life} and last_offset > 1 group by kind`.execute(db),
  );
  for (const { kind, bytes, parts, frames } of rows) {
    if (kind === "frames") report("frame", { value: bytes / frames, unit: "B/frame of 10 changes" });
    else report("top", { value: bytes / parts, unit: "B, 1,000 rows with 12-byte ids" });
  }
}

/** A full top, then frames that move a few of its rows each. */
async function publish(
  redis: Redis,
  open: OpenBoard,
  frames: number,
  onTurn: () => Promise<void>,
): Promise<void> {
  const of = feedOf(open);
  const lease = new Lease(redis, leaseKeys(of.board), { ttlMs: 3_600_000 });
  await lease.hold();
  const snapshot = await readSnapshot(redis, of);
  if (snapshot === "store_lost") throw new Error("the feed is lost");
  const { members } = new Population(TOP);
  const row = (member: string): Row => rowOf(open, { member, key: SCORE_MAX - randomScore(), rest: "" });
  for (let offset = 1; offset <= frames; offset++) {
    const who = offset === 1 ? members : members.filter(() => Math.random() < CHANGES / TOP);
    const set = who.map(row);
    const frame = { epoch: snapshot.epoch, offset, set, drop: [], total: TOP };
    const change = { removes: [], adds: set.flatMap(([member, key]) => [key, member]) };
    const result = await appendFrame(redis, of, frame, {
      token: lease.token!,
      limits: feedLimits(config),
      change,
    });
    if (result !== "appended") throw new Error(`a frame was answered ${result}`);
    if (offset % FRAMES_A_TURN === 0) await onTurn();
  }
  await onTurn();
}

/** An index as a board of a million has it, thinned as the archive does. */
function sampleOf(incarnation: string): RankIndex {
  const total = 1e6;
  const below = Float64Array.from({ length: 1_000 }, (_, i) => Math.floor(total ** ((i + 1) / 1_000)));
  let key = 0;
  const boundaries = below.map(() => {
    key += 1 + Math.floor(Math.random() * 1_000);
    return key;
  });
  const facts = { incarnation, token: 1, sequence: 1, asOf: Date.now(), total, ns: [1, 2, 3, 4, 5, 6, 7, 8] };
  return thinned(new RankIndex(facts, boundaries, below), config.HISTORY_SAMPLE_BOUNDARIES);
}
