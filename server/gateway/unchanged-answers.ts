/**
 * Answers about archived seasons may be kept by whoever asked, and are asked for again by their tag: 304 while nothing has changed.
 *
 * The tag is the hash of the whole answer. So it changes with everything that an answer may show: with moderation, with what the board
 * shows of profiles, with who may see more. A count of moderations alone would miss profiles.
 */
import { createHash } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";

/** What the routes that may answer so say of it. */
export const UNCHANGED = { 304: { empty: "What an archived season answered before still holds." } } as const;
export const IF_NONE_MATCH = [
  { name: "If-None-Match", what: "The `ETag` of an earlier answer about an archived season." },
];

const settled = new WeakSet<FastifyRequest>();

/** The request is about an archived season. */
export function noteArchived(request: FastifyRequest): void {
  if (request.method === "GET" || request.method === "HEAD") settled.add(request);
}

export function tagArchived(app: FastifyInstance): void {
  app.addHook("onSend", async (request, reply, payload) => {
    if (!settled.has(request) || reply.statusCode !== 200 || typeof payload !== "string") return payload;
    const tag = `"${createHash("sha256").update(payload).digest("base64url").slice(0, 22)}"`;
    // Asked for again each time: who is hidden a moment later must be gone. What a credential was shown is for its bearer.
    const whose = request.headers.authorization === undefined ? "public" : "private";
    void reply.header("etag", tag).header("cache-control", `${whose}, no-cache`);
    if (!names(request.headers["if-none-match"], tag)) return payload;
    // There is no body whose type it would be.
    void reply.code(304).removeHeader("content-type");
    return null;
  });
}

/** A proxy that compresses makes a tag weak; it names the same answer. */
function names(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  const given = header.split(",").map((one) => one.trim().replace(/^W\//, ""));
  return given.includes(tag) || given.includes("*");
}
