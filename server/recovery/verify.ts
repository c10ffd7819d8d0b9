/** All boards, or some, in Redis and in the tables, season by season: what `rankwire verify` reports. */
import { BoardMirror } from "../archive/board-mirror.ts";
import { AppError } from "../base/errors.ts";
import type { BoardRepository } from "../leaderboard/board-repository.ts";
import { derive } from "../leaderboard/season-steps.ts";
import type { CompareNeeds } from "./compare-members.ts";
import { compareSeason, type SeasonComparison } from "./compare-season.ts";
import { heldSeasons } from "./restore-season.ts";

export type VerifyNeeds = CompareNeeds & {
  repository: BoardRepository;
  /** All that either side knows where it is undefined. */
  boards?: readonly string[] | undefined;
  onSeason?: (comparison: SeasonComparison) => void;
};

export type VerifyReport = {
  seasons: SeasonComparison[];
  /** Boards that one side knows only. */
  onlyInArchive: string[];
  onlyInRedis: string[];
  /** Boards that Redis has an older copy of than the archive: they are not compared. */
  outdated: string[];
  /** Of all kinds; 0 when everything is the same. */
  differences: number;
};

/** @throws AppError board_not_found (neither side knows it), unavailable */
export async function verify(needs: VerifyNeeds): Promise<VerifyReport> {
  const archived = await new BoardMirror(needs.database).records();
  const held = new Map((await needs.repository.all()).map(({ record }) => [record.board.id, record]));
  const boards = needs.boards ?? [...new Set([...held.keys(), ...archived.keys()])].sort();
  const report: VerifyReport = {
    seasons: [],
    onlyInArchive: [],
    onlyInRedis: [],
    outdated: [],
    differences: 0,
  };
  for (const board of boards) {
    const record = held.get(board);
    // Neither side has to have anything of it.
    if (record?.deleted) continue;
    if (!record && !archived.has(board)) {
      throw new AppError("board_not_found", {
        message: `Neither Redis nor the archive knows a board "${board}".`,
      });
    }
    if (!record) report.onlyInArchive.push(board);
    else if (!archived.has(board)) report.onlyInRedis.push(board);
    else if (revisionOf(archived.get(board)) > record.revision) report.outdated.push(board);
    else {
      for (const one of heldSeasons(record)) {
        const comparison = await compareSeason(needs, derive(one));
        needs.onSeason?.(comparison);
        report.seasons.push(comparison);
      }
    }
  }
  const found = report.seasons.reduce((sum, season) => sum + season.found, 0);
  const { onlyInArchive, onlyInRedis, outdated } = report;
  report.differences = found + onlyInArchive.length + onlyInRedis.length + outdated.length;
  return report;
}

/** The archive was read first, so a later revision of it is not one that Redis got meanwhile. */
function revisionOf(stored: unknown): number {
  return (stored as { revision: number }).revision;
}
