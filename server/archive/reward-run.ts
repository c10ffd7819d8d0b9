/**
 * The granting of a season's rewards along its final table, in steps of bounded length: what a step grants, what it tells of it and how far
 * the run has come commit together [R 19]. So whoever is cut off is followed from there, and two at once grant nothing twice.
 *
 * Ranks are counted on from the last step. Who is hidden behind that place gets nothing and those behind move up; who is hidden before it
 * keeps what was granted, and nobody's rank moves. Percents are of the entries that were shown when the run began.
 */
import { sql } from "kysely";
import type { Database, Sql } from "../database/database.ts";
import { type FinalOf, type FinalRow, FinalTable } from "./final-table.ts";

/** Entries of one step, and so the most rewards that are told of at once. */
const STEP_ROWS = 500;

export type UnrewardedSeason = FinalOf & {
  /** As it was stored: the rules and the season. */
  definition: unknown;
  endedAt: Date;
};

export type RankedRow = { rank: number; row: FinalRow };
export type Granted = { member: string; rank: number; rule: string; row: FinalRow };

/** What a place is given: the id of a rule; `none`; or `past` when no place from here on is given anything. */
export type JudgeRow = (rank: number, row: FinalRow) => { rule: string } | "none" | "past";

/** What a step tells of its rewards, in its transaction. @param through the last place that is done */
export type TellGranted = (within: Sql, granted: Granted[], through: number) => Promise<unknown>;

export type SeasonEnd = {
  /** Shown entries by now. */
  shown: number;
  /** The best of them. */
  top: RankedRow[];
  rewards: number;
};

export class RewardRuns {
  readonly #database: Database;
  readonly #stepRows: number;

  constructor(database: Database, { stepRows = STEP_ROWS }: { stepRows?: number } = {}) {
    this.#database = database;
    this.#stepRows = stepRows;
  }

  /** Archived seasons whose end has not been seen to, the oldest first. @throws AppError unavailable */
  async undone(limit: number): Promise<UnrewardedSeason[]> {
    const rows = await this.#database.run((db) =>
      db
        .selectFrom("seasons")
        .select(["board", "season", "definition", "ended_at", "archived_at"])
        .where("archived_at", "is not", null)
        .where("rewarded_at", "is", null)
        .orderBy("archived_at")
        .limit(limit)
        .execute(),
    );
    return rows.map(({ ended_at, archived_at, ...row }) => ({ ...row, endedAt: (ended_at ?? archived_at)! }));
  }

  /**
   * Begin a run, or find the one that was begun.
   * @param rewards what each rule gives, by its id
   * @returns the shown entries when it began
   * @throws AppError unavailable
   */
  begin(of: FinalOf, rewards: ReadonlyMap<string, unknown>): Promise<number> {
    const { board, season } = of;
    return this.#database.run((db) =>
      db.transaction().execute(async (within) => {
        const begun = await within
          .insertInto("reward_runs")
          .values({ board, season, shown: await new FinalTable(within, of).total(), began_at: new Date() })
          .onConflict((conflict) => conflict.columns(["board", "season"]).doNothing())
          .returning("shown")
          .executeTakeFirst();
        if (!begun) return (await runOf(within, of)).shown;
        const rules = [...rewards].map(([rule, reward]) => ({ rule, reward: JSON.stringify(reward) }));
        await within
          .insertInto("reward_rules")
          .values(rules.map((rule) => ({ board, season, ...rule })))
          .execute();
        return begun.shown;
      }),
    );
  }

  /**
   * One step of a run that was begun.
   * @returns how many rewards it granted, and whether there is no place left that may be given one
   * @throws AppError unavailable, and what `tell` throws: then nothing was granted
   */
  step(of: FinalOf, judge: JudgeRow, tell: TellGranted): Promise<{ granted: number; isPast: boolean }> {
    return this.#database.run((db) =>
      db.transaction().execute(async (within) => {
        const run = await runOf(within, of);
        // Somebody else has finished it: who is shown again behind its end is given nothing any more.
        if (run.rewarded_at !== null) return { granted: 0, isPast: true };
        const rows = await new FinalTable(within, of).from(run.ordinal + 1, this.#stepRows);
        const ranked = rankedOn({ passed: run.passed, storedRank: run.stored_rank, rank: run.rank }, rows);
        const granted: Granted[] = [];
        let isPast = rows.length < this.#stepRows;
        for (const { rank, row } of ranked) {
          const given = judge(rank, row);
          if (given === "past") isPast = true;
          if (given === "past") break;
          if (given !== "none") granted.push({ member: row.member, rank, rule: given.rule, row });
        }
        const last = ranked.at(-1);
        if (!last) return { granted: 0, isPast };
        if (granted.length > 0) await grant(within, of, granted);
        await within
          .updateTable("reward_runs")
          .set({
            ordinal: last.row.ordinal,
            passed: run.passed + rows.length,
            stored_rank: last.row.rank,
            rank: last.rank,
            granted: run.granted + granted.length,
          })
          .where("board", "=", of.board)
          .where("season", "=", of.season)
          .execute();
        if (granted.length > 0) await tell(within, granted, last.row.ordinal);
        return { granted: granted.length, isPast };
      }),
    );
  }

  /** For the plans of the lists: PGlite has nobody who would do it by and by. @throws AppError unavailable */
  async analyze(): Promise<void> {
    await this.#database.run((db) => sql`analyze rewards`.execute(db));
  }

  /**
   * The season's end is seen to, once.
   * @param tell in the same transaction
   * @returns how many rewards were granted in all; undefined when somebody else has done it
   * @throws AppError unavailable, and what `tell` throws: then it is not done
   */
  finish(
    of: FinalOf,
    topSize: number,
    tell: (within: Sql, end: SeasonEnd) => Promise<unknown>,
  ): Promise<number | undefined> {
    const { board, season } = of;
    return this.#database.run((db) =>
      db.transaction().execute(async (within) => {
        const done = await within
          .updateTable("seasons")
          .set({ rewarded_at: new Date() })
          .where("board", "=", board)
          .where("season", "=", season)
          .where("archived_at", "is not", null)
          .where("rewarded_at", "is", null)
          .returning("season")
          .executeTakeFirst();
        if (!done) return undefined;
        const table = new FinalTable(within, of);
        const top = rankedOn({ passed: 0, storedRank: 0, rank: 0 }, await table.from(1, topSize));
        const run = await within
          .selectFrom("reward_runs")
          .select("granted")
          .where("board", "=", board)
          .where("season", "=", season)
          .executeTakeFirst();
        const rewards = run?.granted ?? 0;
        await tell(within, { shown: await table.total(), top, rewards });
        return rewards;
      }),
    );
  }
}

/** Held until the end of the transaction, so that steps of one run follow each other. */
function runOf(within: Sql, { board, season }: FinalOf) {
  return within
    .selectFrom("reward_runs")
    .innerJoin("seasons", (join) =>
      join
        .onRef("seasons.board", "=", "reward_runs.board")
        .onRef("seasons.season", "=", "reward_runs.season"),
    )
    .selectAll("reward_runs")
    .select("rewarded_at")
    .where("reward_runs.board", "=", board)
    .where("reward_runs.season", "=", season)
    .forUpdate("reward_runs")
    .executeTakeFirstOrThrow();
}

/** In one statement of a few arrays: a parameter for each value would be thousands. */
async function grant(within: Sql, { board, season }: FinalOf, granted: readonly Granted[]): Promise<void> {
  const members = granted.map(({ member }) => member);
  const rules = granted.map(({ rule }) => rule);
  const ordinals = granted.map(({ row }) => row.ordinal);
  const ranks = granted.map(({ rank }) => rank);
  await sql`
    insert into rewards (board, season, member, rule, ordinal, rank, granted_at)
    select ${board}, ${season}::int, member, rule, ordinal, rank, ${new Date()}::timestamptz
    from unnest(${members}::text[], ${rules}::text[], ${ordinals}::bigint[], ${ranks}::bigint[])
      as granted(member, rule, ordinal, rank)`.execute(within);
}

/** Shown entries passed so far, and the last one's rank: as it is stored, and as it was counted. */
type Passed = { passed: number; storedRank: number; rank: number };

/** The ranks of shown rows that follow each other: entries share one where they share the stored one. */
function rankedOn({ passed, storedRank, rank }: Passed, rows: readonly FinalRow[]): RankedRow[] {
  let [stored, shown] = [storedRank, rank];
  return rows.map((row, i) => {
    if (row.rank !== stored) [stored, shown] = [row.rank, passed + i + 1];
    return { rank: shown, row };
  });
}
