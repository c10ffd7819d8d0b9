/** What a command says when a call to a server failed: for people on three lines, for programs as the error's own body. */
import type { ErrorBody } from "../../client-sdk/protocol/codes.ts";
import { AppError } from "../base/errors.ts";

/** The body of an error. Beside the server's codes: `unreachable` (nobody answers), `not_rankwire` (somebody else does), `usage`. */
export type FailureBody = Omit<ErrorBody, "code"> & { code: string; request?: string };

export class ApiFailure extends Error {
  /** Of HTTP; undefined where no server answered. */
  readonly status: number | undefined;
  readonly body: FailureBody;

  constructor(body: FailureBody, status?: number, cause?: unknown) {
    super(`${body.code}: ${body.message}`, { cause });
    this.name = "ApiFailure";
    this.status = status;
    this.body = body;
  }
}

/** A wrong command line or environment. @throws ApiFailure usage, always */
export function refuse(message: string, remediation: string): never {
  throw new ApiFailure({ code: "usage", message, remediation, retryable: false });
}

/** Whatever was thrown, for people: what went wrong, what to do, and where the server's log has it. */
export function failureText(error: unknown): string {
  const body = bodyOf(error);
  if (body === undefined) return (error as Error).message;
  const { code, message, remediation, details, request } = body;
  return [
    `${code}: ${message}`,
    remediation,
    ...(details === undefined ? [] : [`details: ${JSON.stringify(details)}`]),
    ...(request === undefined ? [] : [`request: ${request}`]),
  ].join("\n");
}

/** Whatever was thrown, for programs: `{"error": {code, message, …}}`. */
export function failureJson(error: unknown): string {
  return JSON.stringify({ error: bodyOf(error) ?? { code: "failed", message: (error as Error).message } });
}

function bodyOf(error: unknown): FailureBody | undefined {
  if (error instanceof ApiFailure) return error.body;
  return error instanceof AppError ? error.body() : undefined;
}
