/**
 * Every error code and close code that can cross the wire.
 *
 * The server keeps the one table of status, message and remediation (`server/base/errors.ts`); a style test
 * holds that table, this file and `docs/errors.md` together. A code that is retired is never used again.
 */

/** Codes the server answers with, over HTTP and over sockets. */
export const ERROR_CODES = [
  "bad_request",
  "bad_json",
  "payload_too_large",
  "too_many_items",
  "unauthorized",
  "forbidden",
  "not_found",
  "board_not_found",
  "member_not_found",
  "season_not_found",
  "profile_not_found",
  "held_not_found",
  "ban_not_found",
  "import_not_found",
  "nothing_to_restore",
  "reward_not_found",
  "reward_revoked",
  "board_invalid",
  "board_locked",
  "season_closed",
  "season_changing",
  "season_archived",
  "history_gone",
  "entry_exists",
  "import_running",
  "banned",
  "out_of_range",
  "not_representable",
  "rule_violated",
  "signature_invalid",
  "column_missing",
  "column_unknown",
  "cursor_invalid",
  "device_linked",
  "limited",
  "overloaded",
  "too_many_subscriptions",
  "too_many_connections",
  "unavailable",
  "store_lost",
  "store_full",
  "log_full",
  "not_available",
  "internal",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/**
 * Codes that no server sends: nothing was asked of it, or its answer cannot come any more. The SDK also reports some of the server's
 * codes on its own account, such as `unavailable` while there is no connection.
 */
export const CLIENT_ERROR_CODES = ["queue_full", "unconfirmed", "closed", "timeout"] as const;

export type ClientErrorCode = (typeof CLIENT_ERROR_CODES)[number];

/** Why the server ends a connection, sent as `bye` before the close. `reconnect` says whether coming back helps. */
export const BYE_CODES = {
  shutting_down: { reconnect: true },
  slow_consumer: { reconnect: true },
  session_ended: { reconnect: false },
  protocol_violation: { reconnect: false },
} as const;

export type ByeCode = keyof typeof BYE_CODES;

/** The body of every error, the same over HTTP (`{"error": …}`) and in socket acknowledgements. */
export type ErrorBody = {
  code: ErrorCode;
  /** What went wrong, for a person. */
  message: string;
  /** What to do about it first. */
  remediation: string;
  /** True when the same request may succeed later, unchanged. */
  retryable: boolean;
  /** Milliseconds to wait before the next try, when the server knows. */
  retryAfterMs?: number;
  /** More about the cause, such as the bit budget of a refused board. */
  details?: unknown;
};
