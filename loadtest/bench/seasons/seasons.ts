/** `npm run bench -- seasons`: how long a final table takes, and what its reads take next to those of the same board in Redis. */
import { sql } from "kysely";
import { FinalMaker } from "../../../server/archive/final-maker.ts";
import { StoredSeasons } from "../../../server/archive/stored-seasons.ts";
import type { Database } from "../../../server/database/database.ts";
import { PastSeasons } from "../../../server/history/past-seasons.ts";
import type { OpenBoard } from "../../../server/leaderboard/board.ts";
import { createHasher } from "../../../server/leaderboard/hashing.ts";
import { Reader } from "../../../server/leaderboard/reader.ts";
import { type BenchDatabase, openPglite, openPostgres } from "../../processes/bench-databases.ts";
import type { Bench, BenchContext } from "../bench.ts";
import { fillBoard, keyOf, openBoard } from "../boards.ts";
import { seconds } from "../lanes.ts";
import { Population, SCORE_MAX } from "../population.ts";
import { median, percentile } from "../statistics.ts";

const FILL_ROWS = 10_000;
/** One entry in so many is hidden. */
const HIDDEN_ONE_IN = 1_000;

type Board = { open: OpenBoard; people: Population; reader: Reader };

export const seasonsBench: Bench = {
  name: "seasons",
  summary: "final table of a season of a million, and its reads (about 4 minutes)",
  run: async (context) => {
    const redis = await (await context.startRedis()).connect();
    const people = new Population(context.quick ? 2_000 : 1_000_000);
    const open = await openBoard(redis, "season", {
      operator: "set",
      columns: [{ name: "score", max: SCORE_MAX }],
    });
    const hasher = await createHasher();
    await fillBoard(redis, open, people, { hasher, say: context.say });
    const board = { open, people, reader: new Reader(redis, hasher) };
    for (const start of [openPglite, openPostgres]) {
      const store = await start();
      if (!store) {
        context.say("  no PostgreSQL on this machine: its figures are left out");
        continue;
      }
      try {
        await measure(context, store, board);
      } finally {
        await store.close();
      }
    }
  },
};

async function measure(
  context: BenchContext,
  { kind, database }: BenchDatabase,
  board: Board,
): Promise<void> {
  const { open, people } = board;
  context.say(`  ${kind}`);
  await fillMirror(database, open, people);
  const of = { board: open.board.id, season: 1 };
  const maker = new FinalMaker(database);
  const season = {
    ...{ ...of, definition: { board: open.board, season: open.season }, tiesShared: true },
    ...{ openedAtMs: open.season.openedAtMs, endedAtMs: Date.now() },
  };
  const made = await seconds(async () => void (await maker.make(season, async () => true)));
  context.report(`${kind}.final-table`, { value: made, unit: `s for ${people.size} entries` });
  context.report(`${kind}.final-table.rate`, { value: people.size / made, unit: "entries/s" });
  const cleared = await seconds(() => maker.clearMirror(of));
  context.report(`${kind}.clear-mirror`, { value: cleared, unit: `s for ${people.size} entries` });
  await hideSome(database, people);
  const past = new PastSeasons(database, new StoredSeasons(database));
  await measureReads(context, kind, { ...board, past, season: (await past.find("season", 1))! });
}

/** The kinds of reads, of a member or at a depth, in turns: past and present. */
async function measureReads(
  { quick, report }: BenchContext,
  kind: string,
  { open, people, reader, past, season }: Board & { past: PastSeasons; season: OpenBoard },
): Promise<void> {
  const hidden = (member: number): boolean => member % HIDDEN_ONE_IN === 0;
  const reads = {
    member: [(m: string) => past.rank(season, m), (m: string) => reader.rank(open, m)],
    around: [(m: string) => past.around(season, m, 11), (m: string) => reader.around(open, m, 11)],
    "top-20": [() => past.pageAt(season, 0, 20), () => reader.page(open, undefined, 20)],
  } as const;
  for (const [name, [ofPast, ofPresent]] of Object.entries(reads)) {
    const [times, baseline]: [number[], number[]] = [[], []];
    for (let turn = 0; turn < (quick ? 20 : 400); turn++) {
      let at = people.any();
      while (hidden(at)) at = people.any();
      const member = people.members[at]!;
      times.push(await milliseconds(() => ofPast(member)));
      baseline.push(await milliseconds(() => ofPresent(member)));
    }
    const ratio = median(times) / median(baseline);
    report(`${kind}.${name}`, { value: median(times), unit: "ms", baseline: median(baseline), ratio });
    report(`${kind}.${name}.p99`, { value: percentile(times, 0.99), unit: "ms" });
  }
  const deep: number[] = [];
  for (let turn = 0; turn < (quick ? 20 : 200); turn++) {
    deep.push(await milliseconds(() => past.pageAt(season, people.any(), 20)));
  }
  report(`${kind}.any-offset-20`, { value: median(deep), unit: "ms" });
}

async function fillMirror(database: Database, open: OpenBoard, people: Population): Promise<void> {
  for (let at = 0; at < people.size; at += FILL_ROWS) {
    const members = people.members.slice(at, at + FILL_ROWS);
    const keys = members.map((_, i) => keyOf(open, people.scores[at + i]!));
    await database.run((db) =>
      sql`insert into current_entries (board, season, member, shard, key, life, n)
        select ${open.board.id}, 1, member, 0, key, 1, 1
        from unnest(${members}::text[], ${keys}::float8[]) as entries(member, key)`.execute(db),
    );
  }
}

/** Spread over the board, as moderation leaves it. */
async function hideSome(database: Database, people: Population): Promise<void> {
  const members = people.members.filter((_, i) => i % HIDDEN_ONE_IN === 0);
  await database.run((db) =>
    sql`update final_entries set visibility = 1 where board = 'season' and season = 1
      and member = any(${members}::text[])`.execute(db),
  );
}

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  return 1_000 * (await seconds(async () => void (await work())));
}
