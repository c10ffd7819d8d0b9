/** The HTTP quota: counted before a route runs, said in the `RateLimit-*` headers of every answer, one script a request. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { AppError, toAppError } from "../base/errors.ts";
import type { Quota } from "../limits/fixed-window.ts";
import type { Asker } from "../limits/limits.ts";
import { bearerOf, callerOf } from "./caller.ts";
import type { Gateway } from "./gateway.ts";

export const QUOTA_HEADERS = ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"];

/** To be called after CORS, whose preflights are free, and before the routes. Health, metrics and the page's files are free too. */
export function limitRequests(app: FastifyInstance, gateway: Gateway): void {
  app.addHook("onRequest", async (request, reply) => {
    // The route's own pattern: the path that was asked may be spelt in many ways.
    if (!request.routeOptions.url?.startsWith("/v1/")) return;
    const asker = await askerOf(gateway, request);
    const quota = await gateway.rates.takeRequest(asker);
    if (!quota) return;
    tell(reply, quota);
    if (!quota.refused) return;
    throw new AppError("limited", {
      message: `At most ${quota.limit} requests in a window.`,
      retryAfterMs: quota.resetMs,
      details: { limit: `requests_${asker.kind}` },
    });
  });
}

function tell(reply: FastifyReply, { limit, left, resetMs }: Quota): void {
  void reply.headers({
    "ratelimit-limit": limit,
    "ratelimit-remaining": left,
    "ratelimit-reset": Math.ceil(resetMs / 1000),
  });
}

/** A credential counts for itself once it has proved valid; whatever is wrong with one counts for the address that sent it. */
async function askerOf(gateway: Gateway, request: FastifyRequest): Promise<Asker> {
  const address: Asker = { kind: "address", id: gateway.addressOf(request.raw) };
  try {
    const caller = await callerOf(gateway, request);
    if (caller.role === "anyone") return address;
    if (caller.role === "player") return { kind: "player", id: caller.member };
    // A rotated key is the same asker.
    return { kind: "key", id: caller.key.id ?? bearerOf(request) ?? "" };
  } catch (error) {
    // The route will ask again, hear the same and answer it.
    if (toAppError(error).code === "internal") throw error;
    return address;
  }
}
