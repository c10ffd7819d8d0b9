/** A board and its season as they are shown. */
import type { BoardInfo } from "../../client-sdk/protocol/messages.ts";
import type { OpenBoard } from "./board.ts";
import { closingInstant } from "./season-steps.ts";

/** What anybody may know about a board. */
export function boardInfo(open: OpenBoard): BoardInfo {
  const { board, season, layout } = open;
  const endsAtMs = closingInstant(open);
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
    season: {
      number: season.number,
      state: season.state,
      openedAt: new Date(season.openedAtMs).toISOString(),
      ...(endsAtMs === undefined ? {} : { endsAt: new Date(endsAtMs).toISOString() }),
    },
  };
}
