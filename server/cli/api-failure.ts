/** What a command says when a call to a server failed: for people on three lines, for programs as the error's own body. */
import { CommanderError } from "commander";
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

/** What the server says to do by HTTP, as commands do it. */
const BY_COMMANDS: Readonly<Record<string, string>> = {
  ban_not_found: "List the bans with `rankwire member bans`.",
  board_locked: "Keep it, or stage it for the next season with `rankwire season stage`.",
  board_not_found: "List the boards with `rankwire board list`; `rankwire board create` makes one.",
  nothing_to_restore:
    "See `rankwire audit --action member.remove`; give the entry values with `rankwire member adjust`.",
  season_closed: "See `rankwire season list` for the season that is open.",
  season_not_found: "See `rankwire season list`.",
  unauthorized: "Put a key that works into RANKWIRE_KEY, or into a file for --key-file.",
};

/** The body of a server's error, its remedy in the words of commands. */
export function forCommands(body: FailureBody): FailureBody {
  const { code, details } = body;
  const isNamed = code === "bad_request" && details === undefined;
  const remediation = isNamed ? "Correct what the message names." : BY_COMMANDS[code];
  return remediation === undefined ? body : { ...body, remediation };
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
  if (error instanceof CommanderError) return usageOf(error);
  return error instanceof AppError ? forCommands(error.body()) : undefined;
}

/** @param words of the command, where they are known */
export function usageOf({ message }: CommanderError, words?: string): FailureBody {
  const text = message.replace(/^error: /, "").replaceAll("\n", " ");
  const remediation = words === undefined ? "See --help of the command." : `See \`${words} --help\`.`;
  return { code: "usage", message: /[.!?)]$/.test(text) ? text : `${text}.`, remediation, retryable: false };
}
