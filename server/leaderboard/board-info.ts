/** A board and its season as they are shown. */
import { isDeepStrictEqual } from "node:util";
import type { BoardInfo } from "../../client-sdk/protocol/messages.ts";
import type { SeasonInfo } from "../../client-sdk/protocol/seasons.ts";
import type { Board, BoardRecord, OpenBoard, Season } from "./board.ts";

/** What anybody may know about a board. */
export function boardInfo(open: OpenBoard): BoardInfo {
  const { board, season, layout } = open;
  return {
    board: board.id,
    order: board.order,
    operator: board.operator,
    columns: board.columns,
    layout: layout.kind,
    ties: board.ties,
    writers: board.writers,
    ...(board.rules?.signed ? { signed: true as const } : {}),
    visibility: board.visibility,
    shards: board.shards,
    topSize: board.topSize,
    profileFields: board.profileFields,
    season: seasonInfo(season),
    seasonRules: board.season,
  };
}

/** A definition as it may be put again. */
export type Definition = Omit<Board, "id">;

export type AdminBoardInfo = BoardInfo &
  Pick<
    Board,
    "metadata" | "logRetentionDays" | "historyRetentionDays" | "rules" | "rewards" | "webhookTop"
  > & {
    staged?: Definition;
  };

/**
 * What admins see beside.
 * @param record what is stored of the board; absent for a season that is over, of which nothing is staged
 */
export function adminBoardInfo(open: OpenBoard, record?: BoardRecord): AdminBoardInfo {
  const { metadata, logRetentionDays, historyRetentionDays, rules, rewards, webhookTop } = open.board;
  // Once the next season is prepared, what was staged is its definition.
  const coming = record && (record.staged ?? record.next?.board);
  // Nothing is staged where the next season has the rules of this one, or is this one already.
  const staged = coming && !isDeepStrictEqual(coming, open.board) ? coming : undefined;
  return {
    ...boardInfo(open),
    metadata,
    logRetentionDays,
    historyRetentionDays,
    ...(rules ? { rules } : {}),
    ...(rewards ? { rewards } : {}),
    ...(webhookTop === undefined ? {} : { webhookTop }),
    ...(staged ? { staged: definitionOf(staged) } : {}),
  };
}

function definitionOf({ id: _, ...definition }: Board): Definition {
  return definition;
}

function seasonInfo({ number, state, openedAtMs, endsAtMs, closesAtMs }: Season): SeasonInfo {
  const other = closesAtMs !== endsAtMs ? closesAtMs : undefined;
  return {
    number,
    state,
    openedAt: textOf(openedAtMs),
    ...(endsAtMs === undefined ? {} : { endsAt: textOf(endsAtMs) }),
    ...(other === undefined ? {} : { closesAt: textOf(other) }),
  };
}

function textOf(ms: number): string {
  return new Date(ms).toISOString();
}
