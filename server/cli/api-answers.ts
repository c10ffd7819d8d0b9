/** What answers to the commands' calls are taken for: JSON, an error of Rankwire's, or nothing that Rankwire would say. */
import { ApiFailure, type FailureBody, forCommands } from "./api-failure.ts";
import type { ApiTarget } from "./api-target.ts";

/** Of an answer that is no error's. @throws ApiFailure not_rankwire */
export async function jsonOf(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw notRankwire(response);
  }
}

/** The failure that an answer of 400 or above tells. */
export async function failureOf(response: Response, { key }: ApiTarget): Promise<ApiFailure> {
  const text = await response.text().catch(() => "");
  const body = bodyOf(text);
  if (body === undefined) return notRankwire(response);
  if (body.code === "unauthorized" && key === undefined) {
    const remediation = "Put an API key into RANKWIRE_KEY, or into a file for --key-file.";
    return new ApiFailure({ ...body, remediation }, response.status);
  }
  return new ApiFailure(forCommands(body), response.status);
}

function bodyOf(text: string): FailureBody | undefined {
  try {
    const { error } = JSON.parse(text) as { error?: Partial<FailureBody> };
    if (typeof error?.code === "string" && typeof error.message === "string") {
      return { remediation: "", retryable: false, ...error } as FailureBody;
    }
  } catch {
    // Not JSON: not ours.
  }
  return undefined;
}

function notRankwire({ status, url }: Response): ApiFailure {
  const message = `${new URL(url).origin} answered ${status} with something that Rankwire does not say.`;
  const remediation = "See whether RANKWIRE_URL (--url) leads to Rankwire, and what stands before it.";
  return new ApiFailure({ code: "not_rankwire", message, remediation, retryable: status >= 500 }, status);
}

/** A connection that broke; where none was made, trying again at once is of no use. */
const BROKEN = /^(ECONNRESET|EPIPE|UND_ERR_SOCKET)$/;

/** Of what `fetch` threw. */
export function unreachable(url: string, error: unknown): ApiFailure {
  const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
  const isLate = (error as Error).name === "TimeoutError";
  const why = isLate ? "no answer in time" : cause?.message || cause?.code || (error as Error).message;
  const retryable = BROKEN.test(cause?.code ?? "");
  const message = `The server at ${url} cannot be reached: ${why}.`;
  const remediation = "Start Rankwire, or set RANKWIRE_URL (--url) to where it listens.";
  return new ApiFailure({ code: "unreachable", message, remediation, retryable }, undefined, error);
}
