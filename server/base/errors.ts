/**
 * The one error table, and the error that carries its rows.
 *
 * Expected outcomes (`duplicate`, `unchanged`) are results, not errors. A code that is retired is never used again.
 * `docs/errors.md` lists the same rows; `test/style/codes.test.ts` compares them both ways.
 */
import type { ErrorBody, ErrorCode } from "../../client-sdk/protocol/codes.ts";

type Row = { status: number; retryable: boolean; message: string; remediation: string };

export const ERRORS: Record<ErrorCode, Row> = {
  bad_request: row(
    400,
    false,
    "The request is not valid.",
    "Correct what the message says; `details`, where there are some, names the fields.",
  ),
  bad_json: row(
    400,
    false,
    "The body is not valid JSON.",
    "Send one JSON value; NaN and Infinity are not JSON.",
  ),
  payload_too_large: row(
    413,
    false,
    "The payload is too large.",
    "Send less at once; the limits are in docs/settings.md.",
  ),
  too_many_items: row(
    413,
    false,
    "Too many items in one call.",
    "Split the call; the message names the limit.",
  ),
  unauthorized: row(
    401,
    false,
    "No valid key or session token.",
    "Send `Authorization: Bearer <key>`, or open a new session.",
  ),
  forbidden: row(
    403,
    false,
    "This key or session may not do that.",
    "Use a key with the role that docs/api.md names for the call.",
  ),
  not_found: row(
    404,
    false,
    "There is no such route.",
    "Check the path and the method against the API's table.",
  ),
  board_not_found: row(404, false, "There is no such board.", "Create it with PUT /v1/admin/boards/:board."),
  member_not_found: row(
    404,
    false,
    "The member is not on this board.",
    "Submit a score for the member first.",
  ),
  season_not_found: row(
    404,
    false,
    "The board has no such season.",
    "Leave `season` out for the current one.",
  ),
  profile_not_found: row(
    404,
    false,
    "The member has no profile.",
    "Give it one with PUT /v1/profiles/:member.",
  ),
  held_not_found: row(
    404,
    false,
    "No such submission is held for review.",
    "List what is held: it may have been approved or rejected already.",
  ),
  ban_not_found: row(404, false, "The member is not banned.", "List the bans with GET /v1/admin/bans."),
  import_not_found: row(
    404,
    false,
    "No import of this id is on record.",
    "Send it from the beginning: what is there already stays as it is.",
  ),
  nothing_to_restore: row(
    404,
    false,
    "No removal of this member's entry is on record.",
    "See GET /v1/admin/audit?action=member.remove; give the entry values with `adjust`.",
  ),
  reward_not_found: row(
    404,
    false,
    "There is no such reward.",
    "List the member's with GET /v1/rewards, or with GET /v1/members/:member/rewards.",
  ),
  reward_revoked: row(
    409,
    false,
    "The reward was taken back; nothing was claimed.",
    "See GET /v1/admin/audit?action=reward.revoke for the reason.",
  ),
  board_invalid: row(
    400,
    false,
    "The board's definition cannot be stored exactly.",
    "Change what the message names; `details` shows the bits.",
  ),
  board_locked: row(
    409,
    false,
    "This property of a board cannot change while its season is open.",
    "Keep it, stage it for the next season with ?at=rollover, or create another board.",
  ),
  season_closed: row(
    409,
    false,
    "The season that the submission names is over.",
    "Name the current season, or none, if what was asked for belongs there.",
  ),
  season_changing: row(
    503,
    true,
    "The board is between two seasons; nothing was counted.",
    "Wait `retryAfterMs`, then send the same request with the same id.",
  ),
  season_archived: row(
    409,
    false,
    "The season is in the archive, where scores do not change any more.",
    "Hide or remove the entry instead, or adjust it in the current season.",
  ),
  history_gone: row(
    410,
    false,
    "What was then is not kept any more.",
    "Ask for an instant from `details.earliest` on; a board's `historyRetentionDays` and `logRetentionDays` say how long what is kept.",
  ),
  entry_exists: row(
    409,
    false,
    "The member has an entry again; nothing was put in its place.",
    "Remove that one first, or give it other values with `adjust`.",
  ),
  import_running: row(
    409,
    true,
    "An import into this board is under way.",
    "Wait until it has ended: GET /v1/admin/boards/:board/import/:id tells.",
  ),
  banned: row(
    403,
    false,
    "The member is banned; nothing was counted.",
    "An admin lifts it with DELETE /v1/admin/bans/:member.",
  ),
  out_of_range: row(
    422,
    false,
    "A column would leave its range; the entry is unchanged.",
    "Send a value within the board's [min, max].",
  ),
  not_representable: row(
    422,
    false,
    "The column does not hold this value exactly.",
    "Round it to its `decimals`; send 64-bit integers as text.",
  ),
  rule_violated: row(
    422,
    false,
    "The submission breaks a rule of the board; nothing was counted.",
    "Read `details`; where there is a `retryAfterMs`, the same change may be submitted anew after it.",
  ),
  signature_invalid: row(
    403,
    false,
    "The submission's signature is missing or wrong.",
    "Sign with the `signingSecret` of the same session, as rules.md says; an id is needed too.",
  ),
  column_missing: row(422, false, "A column is missing.", "`best` and `set` need every column of the board."),
  column_unknown: row(
    422,
    false,
    "The board has no such column.",
    "Use the names that GET /v1/boards/:board lists.",
  ),
  cursor_invalid: row(
    400,
    false,
    "The cursor does not belong to this board and season.",
    "Start again without a cursor.",
  ),
  device_linked: row(
    409,
    false,
    "The device is linked to another player.",
    "Sign in with the device as that player, or let it choose a new secret.",
  ),
  limited: row(429, true, "You are over your limit.", "Wait `retryAfterMs`, then try again."),
  overloaded: row(
    503,
    true,
    "The server is full.",
    "Wait `retryAfterMs`, then send the same request with the same id.",
  ),
  too_many_subscriptions: row(
    429,
    false,
    "This connection follows too many views.",
    "Unsubscribe from one first.",
  ),
  too_many_connections: row(
    503,
    true,
    "The server holds as many connections as it may.",
    "Come back later, or use another gateway.",
  ),
  unavailable: row(
    503,
    true,
    "The store did not answer; whether it was done is not known.",
    "Send the same request again with the same id.",
  ),
  store_lost: row(
    503,
    true,
    "The season's data is missing in Redis; nothing was counted.",
    "Restore the store; retry with the same id afterwards.",
  ),
  store_full: row(
    503,
    true,
    "Redis is at its memory limit; nothing was counted.",
    "Raise maxmemory; retry with the same id afterwards.",
  ),
  log_full: row(
    503,
    true,
    "The score log waits for the database and is full; nothing was counted.",
    "Bring the database back, or set LOG_FULL=gap; retry with the same id afterwards.",
  ),
  not_available: row(
    501,
    false,
    "This build does not have that yet.",
    "Do what the message says, or see docs/ for what is there.",
  ),
  internal: row(
    500,
    true,
    "Something unexpected went wrong; it is in the server's log.",
    "Try again; report it with the request id.",
  ),
};

function row(status: number, retryable: boolean, message: string, remediation: string): Row {
  return { status, retryable, message, remediation };
}

export type AppErrorOptions = { message?: string; retryAfterMs?: number; details?: unknown; cause?: unknown };

/** An error with a row of the table. `message` says more than the row where there is more to say. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;
  readonly details: unknown;

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    super(options.message ?? ERRORS[code].message, { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.details = options.details;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  /** The body that crosses the wire. */
  body(): ErrorBody {
    const { remediation, retryable } = ERRORS[this.code];
    const body: ErrorBody = { code: this.code, message: this.message, remediation, retryable };
    if (this.retryAfterMs !== undefined) body.retryAfterMs = this.retryAfterMs;
    if (this.details !== undefined) body.details = this.details;
    return body;
  }
}

/** Whatever was thrown, as an AppError: ours as it is, anything else as `internal` with its cause kept. */
export function toAppError(error: unknown): AppError {
  return error instanceof AppError ? error : new AppError("internal", { cause: error });
}
