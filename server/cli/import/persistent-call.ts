/** Calls of an import that are made again where the connection broke, or the server cannot take them just now: twice is as once. */
import { backoffMs } from "../../base/backoff.ts";
import { sleep } from "../../base/clock.ts";
import { ApiFailure } from "../api-failure.ts";

/** Times that one call is made; about half a minute. */
const TRIES = 12;
const WAITS = { firstMs: 500, capMs: 5_000 };

/** @throws ApiFailure what the last one threw */
export async function persistently<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      const isLast = attempt + 1 >= TRIES;
      if (!(error instanceof ApiFailure) || !mayPass(error) || isLast) throw error;
      await sleep(error.body.retryAfterMs ?? backoffMs(attempt, WAITS));
    }
  }
}

/** A server that restarts refuses connections for a while. */
function mayPass({ body }: ApiFailure): boolean {
  return body.retryable || body.code === "unreachable";
}
