/** zod for rewards: what their calls take. */
import { z } from "zod";
import { boardId } from "../leaderboard/board-schema.ts";
import { MEMBER_BYTES_MAX, member, plain } from "./schemas.ts";

/** As large as the database's numbers of seasons. */
const season = z.coerce
  .number()
  .int()
  .min(1)
  .max(2 ** 31 - 1);

export const seasonRewardParams = z.object({ board: boardId, season });
export const memberRewardParams = z.object({ board: boardId, season, member });
/** A board, a season and a member with dots between. */
export const claimParams = z.object({ id: plain.max(64 + 12 + MEMBER_BYTES_MAX) });
export const revokeRequest = z.strictObject({ reason: plain.max(500) });
