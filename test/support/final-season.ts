/** Seasons of the past for tests: mirrored entries as the archiver leaves them, and the final table made of them. */
import { FinalMaker } from "../../server/archive/final-maker.ts";
import { StoredSeasons } from "../../server/archive/stored-seasons.ts";
import type { Database } from "../../server/database/database.ts";
import { PastSeasons } from "../../server/history/past-seasons.ts";
import type { BoardSeason, OpenBoard } from "../../server/leaderboard/board.ts";
import { type BoardDefinition, boardDefinition, boardFrom } from "../../server/leaderboard/board-schema.ts";
import { keyText, placeFrom } from "../../server/leaderboard/codec.ts";
import { tieDigit } from "../../server/leaderboard/layout.ts";
import { derive } from "../../server/leaderboard/season-steps.ts";
import { codedColumns } from "../../server/leaderboard/values.ts";
import type { NaiveEntry, Value } from "./naive-board.ts";

export type MirroredEntry = NaiveEntry & { hidden?: boolean; metadata?: string };

/** The first season of a board that has never been in Redis. */
export function seasonOf(id: string, definition: BoardDefinition): OpenBoard {
  const board = boardFrom(id, boardDefinition.parse(definition));
  const endsAtMs = board.endsAt === undefined ? undefined : Date.parse(board.endsAt);
  const openedAtMs = Date.now() - 1_000;
  const season: BoardSeason["season"] = {
    number: 1,
    incarnation: id,
    salt: "s",
    state: "closed",
    openedAtMs,
  };
  return derive({ board, season: { ...season, ...(endsAtMs === undefined ? {} : { endsAtMs }) } });
}

/** Values in the shape of a submission: as many columns as there are values. */
export function entryOf({ board }: OpenBoard, [score, ...others]: readonly Value[]) {
  const named = others.map((value, i) => [board.columns[i + 1]!.name, value] as const);
  return { score: score as number, ...(others.length > 0 ? { columns: Object.fromEntries(named) } : {}) };
}

/** Put entries into the mirror, in the shards' place. */
export async function mirror(database: Database, open: OpenBoard, entries: MirroredEntry[]): Promise<void> {
  const { board, season, layout } = open;
  const rows = entries.map(({ member, values, reachedAt, hidden = false, metadata = null }) => {
    const coded = codedColumns(open, entryOf(open, values));
    const { key, rest } = placeFrom(layout, keyText(layout, coded, tieDigit(layout, reachedAt)), member);
    const of = { board: board.id, season: season.number, shard: 0, life: 1, n: 1 };
    return { ...of, member, key, rest, metadata, visibility: hidden ? 1 : 0 };
  });
  for (let at = 0; at < rows.length; at += 1_000) {
    const some = rows.slice(at, at + 1_000);
    await database.run((db) => db.insertInto("current_entries").values(some).execute());
  }
}

/** Make the final table of what is mirrored. @returns entries of it */
export function archive(
  database: Database,
  open: OpenBoard,
  options: { stepRows?: number } = {},
): Promise<number | undefined> {
  const { board, season } = open;
  const final = {
    board: board.id,
    season: season.number,
    definition: { board, season },
    openedAtMs: season.openedAtMs,
    endedAtMs: Date.now(),
    tiesShared: board.ties === "shared",
  };
  return new FinalMaker(database, options).make(final, async () => true);
}

export function pastSeasonsIn(database: Database): PastSeasons {
  return new PastSeasons(database, new StoredSeasons(database));
}

/** As moderation does it. */
export async function hide(database: Database, { board }: OpenBoard, members: string[]): Promise<void> {
  if (members.length === 0) return;
  await database.run((db) =>
    db
      .updateTable("final_entries")
      .set({ visibility: 1 })
      .where("board", "=", board.id)
      .where("member", "in", members)
      .execute(),
  );
}
