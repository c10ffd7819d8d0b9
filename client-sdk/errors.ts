/** What the SDK rejects with: one error class, and the few errors that the SDK makes itself. */
import type { ByeCode, ClientErrorCode, ErrorBody, ErrorCode } from "./protocol/codes.ts";

/** Any code of the protocol; a newer server may send one that is not listed, so branch on `retryable` last. [P-10] */
export type SdkErrorCode = ErrorCode | ClientErrorCode | ByeCode;

/** An error body as the server sends it, or as the SDK makes it. */
export type SdkErrorBody = Omit<ErrorBody, "code"> & { code: SdkErrorCode };

export class SdkError extends Error {
  override readonly name = "SdkError";
  readonly code: SdkErrorCode;
  /** What to do about it first. */
  readonly remediation: string;
  /** True when the same request may succeed later, unchanged. */
  readonly retryable: boolean;
  /** Milliseconds to wait before the next try, when the server knows. */
  readonly retryAfterMs: number | undefined;
  readonly details: unknown;

  constructor(body: SdkErrorBody, cause?: unknown) {
    super(body.message, cause === undefined ? undefined : { cause });
    this.code = body.code;
    this.remediation = body.remediation;
    this.retryable = body.retryable;
    this.retryAfterMs = body.retryAfterMs;
    this.details = body.details;
  }
}

const OWN_ERRORS = {
  queue_full: {
    retryable: true,
    remediation: "Wait until earlier submissions are acknowledged, or raise pendingMax.",
  },
  unconfirmed: {
    retryable: false,
    remediation: "The submission may or may not have counted: read the entry before you submit it again.",
  },
  closed: { retryable: false, remediation: "Create a new client." },
  timeout: { retryable: true, remediation: "Try again; if it lasts, check that the server can be reached." },
  unavailable: { retryable: true, remediation: "Try again; the client reconnects by itself." },
  payload_too_large: { retryable: false, remediation: "Send less: a message holds at most 24 KiB." },
  bad_request: { retryable: false, remediation: "Correct the call." },
  internal: { retryable: true, remediation: "Try again; if it lasts, look at the server's log." },
  shutting_down: { retryable: true, remediation: "Nothing: the client comes back by itself." },
  slow_consumer: {
    retryable: true,
    remediation: "Nothing: the client comes back by itself. Follow smaller views if it repeats.",
  },
  session_ended: { retryable: false, remediation: "Sign the player in again and create a new client." },
  protocol_violation: {
    retryable: false,
    remediation: "Update rankwire-client to a version that fits the server.",
  },
} as const satisfies Partial<Record<SdkErrorCode, { retryable: boolean; remediation: string }>>;

/** An error of the SDK's own making. */
export function ownError(code: keyof typeof OWN_ERRORS, message: string, cause?: unknown): SdkError {
  return new SdkError({ code, message, ...OWN_ERRORS[code] }, cause);
}

/** Whatever came as an error body: the error it describes, else `fallback`. */
export function errorFrom(body: unknown, fallback: SdkError): SdkError {
  return isErrorBody(body) ? new SdkError(body) : fallback;
}

/** Whatever was thrown, as an SdkError; what is not one already is worth another try. */
export function asSdkError(thrown: unknown): SdkError {
  if (thrown instanceof SdkError) return thrown;
  return ownError("unavailable", thrown instanceof Error ? thrown.message : String(thrown), thrown);
}

function isErrorBody(body: unknown): body is SdkErrorBody {
  if (typeof body !== "object" || body === null) return false;
  const { code, message, retryable } = body as Partial<SdkErrorBody>;
  return typeof code === "string" && typeof message === "string" && typeof retryable === "boolean";
}
