/** Which routes there are, with what each says of itself: told by fastify as they are registered. */
import type { FastifyInstance } from "fastify";
import type { Operation } from "./operation.ts";

export type Route = {
  method: string;
  /** As fastify knows it: `/v1/boards/:board`. */
  path: string;
  /** Routes that are no part of the API have none: the page's files, the reference. */
  operation: Operation | undefined;
};

/** Call it before any route is registered; the list fills up with them. HEAD goes without saying, and OPTIONS is CORS's. */
export function listRoutes(app: FastifyInstance): Route[] {
  const routes: Route[] = [];
  app.addHook("onRoute", ({ method, url, config }) => {
    for (const one of [method].flat()) {
      if (one !== "HEAD" && one !== "OPTIONS")
        routes.push({ method: one, path: url, operation: config?.operation });
    }
  });
  return routes;
}

/** What a reader looks under, by the beginning of the path. */
export const TAGS = ["boards", "scores", "players", "profiles", "admin", "operators"] as const;
export type Tag = (typeof TAGS)[number];

export function tagOf(path: string): Tag {
  if (path.startsWith("/v1/admin/")) return "admin";
  if (path.startsWith("/v1/profiles")) return "profiles";
  if (/^\/v1\/(sessions|devices|members|rewards)\b/.test(path)) return "players";
  if (/^\/v1\/boards\/:board\/(scores|counters)/.test(path)) return "scores";
  return path.startsWith("/v1/boards") ? "boards" : "operators";
}
