/** API keys: made and rotated (each answer shows the key this once), listed, revoked. */
import type { FastifyInstance } from "fastify";
import type { ListedKey } from "../../sessions/key-store.ts";
import { listQuery } from "../admin-schemas.ts";
import { keyPage, newKey, oneKey } from "../answers/operator-answers.ts";
import { noteForAudit } from "../audit-hook.ts";
import { requireRole } from "../caller.ts";
import type { Gateway } from "../gateway.ts";
import { decodeListCursor, encodeListCursor } from "../list-cursor.ts";
import { describe } from "../operation.ts";
import * as schemas from "../schemas.ts";
import { keyParams, keyRequest, rotateRequest } from "../sign-in-schemas.ts";

export function keyRoutes(app: FastifyInstance, gateway: Gateway): void {
  const { keys } = gateway;

  app.post(
    "/v1/admin/keys",
    describe({
      summary: "makes an API key, which is shown this once",
      who: "admin",
      body: keyRequest,
      answers: { 201: newKey },
    }),
    async (request, reply) => {
      await requireRole(gateway, request, "admin");
      const { key, ...made } = await keys.create(schemas.parse(keyRequest, request.body));
      noteForAudit(request, { details: { id: made.id } });
      void reply.status(201).header("cache-control", "no-store");
      return { key, ...shown(made) };
    },
  );

  app.get(
    "/v1/admin/keys",
    describe({
      summary: "the API keys, the newest first, revoked ones too, in [pages](#lists)",
      who: "admin",
      query: listQuery,
      answers: { 200: keyPage },
    }),
    async (request) => {
      await requireRole(gateway, request, "admin");
      const { limit, cursor } = schemas.parse(listQuery, request.query);
      return keyPageOf(await keys.list(limit + 1, decodeListCursor("keys", cursor)), limit);
    },
  );

  app.post(
    "/v1/admin/keys/:id/rotate",
    describe({
      summary: "a new key in place of the old one, which works for `overlapMs` more, at most 30 days",
      who: "admin",
      params: keyParams,
      body: rotateRequest.optional(),
      answers: { 200: newKey },
    }),
    async (request, reply) => {
      await requireRole(gateway, request, "admin");
      const { id } = schemas.parse(keyParams, request.params);
      const { overlapMs } = schemas.parse(rotateRequest, request.body ?? {});
      const { key, ...rotated } = await keys.rotate(id, overlapMs);
      void reply.header("cache-control", "no-store");
      return { key, ...shown(rotated) };
    },
  );

  app.delete(
    "/v1/admin/keys/:id",
    describe({
      summary:
        "revokes a key: it works nowhere any more within a second, without the bus within `KEYS_POLL_MS`",
      who: "admin",
      params: keyParams,
      answers: { 200: oneKey },
    }),
    async (request) => {
      await requireRole(gateway, request, "admin");
      const { id } = schemas.parse(keyParams, request.params);
      return shown(await keys.revoke(id));
    },
  );
}

/** @param listed one more than fits says that there is a next page */
function keyPageOf(listed: readonly ListedKey[], limit: number) {
  const page = listed.slice(0, limit);
  const more = listed.length > limit ? { cursor: encodeListCursor("keys", page.at(-1)!.id) } : {};
  return { keys: page.map(shown), ...more };
}

/** Dates as ISO 8601; what has not happened is null. */
function shown(key: ListedKey) {
  const iso = (date: Date | null): string | null => date?.toISOString() ?? null;
  return {
    id: key.id,
    name: key.name,
    role: key.role,
    scopes: key.scopes,
    createdAt: iso(key.createdAt),
    rotatedAt: iso(key.rotatedAt),
    previousUntil: iso(key.previousUntil),
    revokedAt: iso(key.revokedAt),
  };
}
