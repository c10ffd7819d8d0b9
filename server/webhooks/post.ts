/** One attempt: a POST, bounded in time and in what is read of its answer; redirects are not followed. */
import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { publicLookup, type Resolve, refuseSpecialHost, TargetRefused } from "./target.ts";

export type PostLimits = {
  /** From the look-up of the name to the end of the answer, ms. */
  timeoutMs: number;
  responseBytesMax: number;
  /** Whether loopback and private addresses may be connected to. */
  privateTargets: boolean;
  resolve: Resolve;
};

export type Attempt = { url: string; headers: Record<string, string>; body: string };

export type PostOutcome = "delivered" | "answered" | "timeout" | "refused" | "unreachable";

/** `answered`: with something else than 2xx. `error` is for people, at most 300 characters. */
export type PostResult = { outcome: PostOutcome; status?: number; error?: string };

const ERROR_CHARACTERS_MAX = 300;

/** Never rejects. @param stopped the process does not want to wait any longer */
export async function post(attempt: Attempt, limits: PostLimits, stopped: AbortSignal): Promise<PostResult> {
  const late = AbortSignal.timeout(limits.timeoutMs);
  try {
    const status = await send(attempt, limits, AbortSignal.any([late, stopped]));
    if (status >= 200 && status < 300) return { outcome: "delivered", status };
    const hint = status >= 300 && status < 400 ? ", and redirects are not followed" : "";
    return { outcome: "answered", status, error: `answered ${status}${hint}` };
  } catch (error) {
    if (late.aborted) return { outcome: "timeout", error: `no answer within ${limits.timeoutMs} ms` };
    const text = (error as Error).message.slice(0, ERROR_CHARACTERS_MAX) || (error as Error).name;
    return { outcome: error instanceof TargetRefused ? "refused" : "unreachable", error: text };
  }
}

/** @returns the status once the answer has ended, or as much of it as is read. @throws TargetRefused, what the connection throws */
async function send(
  { url, headers, body }: Attempt,
  limits: PostLimits,
  signal: AbortSignal,
): Promise<number> {
  const target = new URL(url);
  if (!limits.privateTargets) refuseSpecialHost(target.hostname);
  const options: RequestOptions = {
    method: "POST",
    headers: { ...headers, "content-length": Buffer.byteLength(body) },
    // Every attempt connects, and so looks the name up, anew.
    agent: false,
    signal,
    ...(limits.privateTargets ? {} : { lookup: publicLookup(limits.resolve) }),
  };
  const response = await new Promise<IncomingMessage | number>((done, failed) => {
    const request = (target.protocol === "https:" ? httpsRequest : httpRequest)(target, options, done);
    request.on("error", failed);
    // Without these two, an endpoint that answers 101 would never be done with: its answer is neither a response nor an error.
    request.on("upgrade", ({ statusCode }, socket) => {
      socket.destroy();
      done(statusCode ?? 0);
    });
    request.on("close", () => failed(new Error("the connection was closed without an answer")));
    // And whatever else an answer may be, the limit of time holds.
    signal.addEventListener("abort", () => failed(signal.reason), { once: true });
    request.end(body);
  });
  if (typeof response === "number") return response;
  let read = 0;
  for await (const chunk of response) {
    read += (chunk as Buffer).length;
    // Leaving the loop destroys the connection.
    if (read > limits.responseBytesMax) break;
  }
  return response.statusCode ?? 0;
}
