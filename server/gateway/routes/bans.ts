/** Bans across all boards, and the audit trail. Both are about everything, so keys for certain boards may not call them. */
import type { FastifyInstance } from "fastify";
import { AppError } from "../../base/errors.ts";
import type { BanRow } from "../../database/moderation-table-types.ts";
import { auditPage, banPage, ban as shownBan } from "../answers/moderation-answers.ts";
import { actorOf } from "../audit-hook.ts";
import { requireRole } from "../caller.ts";
import type { Gateway } from "../gateway.ts";
import { auditQuery, banRequest, bansQuery, liftRequest } from "../moderation-schemas.ts";
import { describe } from "../operation.ts";
import * as schemas from "../schemas.ts";

export function banRoutes(app: FastifyInstance, gateway: Gateway): void {
  const { bans, banStore } = gateway;

  app.put(
    "/v1/admin/bans/:member",
    describe({
      summary: "bans a member from every board, those to come too",
      details: "[bans](#bans)",
      who: "admin",
      params: schemas.playerParams,
      body: banRequest,
      answers: { 200: shownBan },
    }),
    async (request) => {
      const { key } = await requireRole(gateway, request, "admin");
      const { member } = schemas.parse(schemas.playerParams, request.params);
      const { mode, until, reason } = schemas.parse(banRequest, request.body);
      const end = until === undefined ? {} : { until: new Date(until) };
      return shown(await bans.put({ member, mode, reason, actor: actorOf(key), ...end }));
    },
  );

  app.delete(
    "/v1/admin/bans/:member",
    describe({
      summary: "lifts a ban; what was hidden by it is shown again, board by board",
      who: "admin",
      params: schemas.playerParams,
      body: liftRequest,
      answers: { 200: shownBan },
    }),
    async (request) => {
      await requireRole(gateway, request, "admin");
      const { member } = schemas.parse(schemas.playerParams, request.params);
      schemas.parse(liftRequest, request.body);
      return shown(await bans.lift(member));
    },
  );

  app.get(
    "/v1/admin/bans",
    describe({
      summary: "the bans, the newest first",
      who: "admin",
      query: bansQuery,
      answers: { 200: banPage },
    }),
    async (request) => {
      await requireRole(gateway, request, "admin");
      const { limit, cursor } = schemas.parse(bansQuery, request.query);
      const rows = await banStore.list(limit + 1, cursor === undefined ? undefined : placeIn(cursor));
      const page = rows.slice(0, limit);
      const last = rows.length > limit ? page.at(-1) : undefined;
      return { bans: page.map(shown), ...(last ? { cursor: cursorAt(last) } : {}) };
    },
  );
}

export function auditRoutes(app: FastifyInstance, gateway: Gateway): void {
  app.get(
    "/v1/admin/audit",
    describe({
      summary: "who changed what, when and why, the newest first",
      details: "[audit trail](#audit-trail)",
      who: "admin",
      query: auditQuery,
      answers: { 200: auditPage },
    }),
    async (request) => {
      await requireRole(gateway, request, "admin");
      const { limit, cursor, since, until, ...filter } = schemas.parse(auditQuery, request.query);
      const times = { since: dateOf(since), until: dateOf(until) };
      return gateway.trail.list({ ...filter, ...times }, limit, cursor);
    },
  );
}

function dateOf(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(text);
}

function shown({ member, mode, until, reason, actor, banned_at, state }: BanRow) {
  const bannedAt = banned_at.toISOString();
  return { member, mode, until: until?.toISOString() ?? null, reason, actor, bannedAt, state };
}

function cursorAt({ banned_at, member }: BanRow): string {
  return Buffer.from(JSON.stringify(["bans", banned_at.getTime(), member])).toString("base64url");
}

/** @throws AppError cursor_invalid */
function placeIn(cursor: string): { at: Date; member: string } {
  try {
    const [kind, at, member] = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8")) as unknown[];
    const isTime = typeof at === "number" && at > 0 && at < 1e14;
    if (kind === "bans" && isTime && typeof member === "string" && !member.includes("\0")) {
      return { at: new Date(at), member };
    }
  } catch {
    // Not ours.
  }
  throw new AppError("cursor_invalid");
}
