/**
 * What a route says of itself: who may call it, what it takes and what it answers, as zod schemas. It stands beside the handler, in the
 * route's `config`, and the OpenAPI document, the reference at `/docs` and `docs/api.md` are made from it.
 */
import type { z } from "zod";

export type Operation = {
  /** One line: what the call does, in the words of docs/api.md. */
  summary: string;
  /** What else there is to know, in Markdown: limits, what is left out when. docs/api.md shows it behind the summary. */
  details?: string;
  /** The least credential that may call. `reader`: anyone on public boards, else a key for the board or a session token. */
  who: "anyone" | "reader" | "player" | "server" | "admin";
  params?: z.ZodType;
  query?: z.ZodType;
  body?: z.ZodType;
  /** Request headers that the call looks at, beside Authorization. */
  headers?: { name: string; what: string }[];
  /** By status. What is not JSON says its media type instead of a schema, and what has no body what it means. Errors are of one shape and need not be named. */
  answers: Record<number, z.ZodType | { mediaType: string; what: string } | { empty: string }>;
};

declare module "fastify" {
  interface FastifyContextConfig {
    operation?: Operation;
  }
}

/** Route options that carry the description: `app.get(path, describe({…}), handler)`. */
export function describe(operation: Operation): { config: { operation: Operation } } {
  return { config: { operation } };
}
