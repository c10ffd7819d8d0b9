/**
 * Every call of an admin that changes something goes into the audit trail, and so do those of game servers that end sessions and take
 * devices away: one hook for all routes, so that none is forgotten. What is meant is noted before the handler runs, what came of it before
 * the answer is sent. Calls without a fitting key are refused by their handlers and leave no trace.
 */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { AuditEntry, AuditOutcome } from "../audit/audit-outbox.ts";
import { type ApiKey, includesRole } from "../sessions/key-text.ts";
import { callerOf } from "./caller.ts";
import type { Gateway } from "./gateway.ts";

/** Calls whose name is not made from the path. */
const NAMES: Record<string, string> = {
  "PUT /v1/admin/boards/:board": "board.put",
  "PATCH /v1/admin/boards/:board": "board.patch",
  "DELETE /v1/admin/boards/:board": "board.delete",
  "POST /v1/admin/keys": "key.create",
  "POST /v1/admin/keys/:id/rotate": "key.rotate",
  "DELETE /v1/admin/keys/:id": "key.revoke",
  "POST /v1/admin/boards/:board/held/:held/approve": "held.approve",
  "POST /v1/admin/boards/:board/held/:held/reject": "held.reject",
  "PUT /v1/admin/bans/:member": "ban.put",
  "DELETE /v1/admin/bans/:member": "ban.lift",
  "POST /v1/admin/webhooks": "webhook.create",
  "POST /v1/admin/deliveries/:id/replay": "delivery.replay",
  "DELETE /v1/members/:member/sessions/:id": "session.revoke",
  "DELETE /v1/members/:member/sessions": "session.revoke_all",
  "DELETE /v1/members/:member/devices/:id": "device.remove",
  "DELETE /v1/members/:member/devices": "device.remove_all",
};

const intended = new WeakMap<FastifyRequest, string>();
const more = new WeakMap<FastifyRequest, AuditOutcome>();

export function auditCalls(app: FastifyInstance, gateway: Gateway): void {
  app.addHook("preHandler", async (request) => {
    const action = actionOf(request);
    if (action === undefined) return;
    const caller = await callerOf(gateway, request);
    const needed = request.routeOptions.config.operation?.who === "server" ? "server" : "admin";
    if (!("key" in caller) || !includesRole(caller.role, needed)) return;
    intended.set(
      request,
      await gateway.trail.intend({ actor: actorOf(caller.key), action, ...askedIn(request) }),
    );
  });
  app.addHook("onSend", async (request, reply, payload) => {
    const name = intended.get(request);
    if (name === undefined) return;
    intended.delete(request);
    const outcome = reply.statusCode < 400 ? "done" : codeIn(payload);
    await gateway.trail.settle(name, { ...more.get(request), outcome });
  });
}

/** What only the handler knows, noted with the outcome. */
export function noteForAudit(request: FastifyRequest, noted: Partial<AuditEntry>): void {
  const known = more.get(request);
  more.set(request, { ...known, ...noted, details: { ...known?.details, ...noted.details } });
}

/** The same at once: what must be known although the process may die before it answers. */
export async function noteForAuditNow(
  { trail }: Gateway,
  request: FastifyRequest,
  noted: Partial<AuditEntry>,
): Promise<void> {
  const name = intended.get(request);
  if (name !== undefined) await trail.settle(name, noted);
}

/** An API key's id, or which key of the settings it is. */
export function actorOf({ id, role }: ApiKey): string {
  return id ?? (role === "admin" ? "ADMIN_KEY" : "SERVER_KEY");
}

/** Undefined where the call changes nothing, or nothing that is an admin's. `/v1/admin/boards/:board/members/:member/hide` is `member.hide`. */
function actionOf({ method, routeOptions: { url = "" } }: FastifyRequest): string | undefined {
  if (method === "GET" || method === "HEAD" || method === "OPTIONS") return undefined;
  const named = NAMES[`${method} ${url}`];
  if (named !== undefined || !url.startsWith("/v1/admin/")) return named;
  const words = url
    .slice("/v1/admin/".length)
    .split("/")
    .filter((word) => !word.startsWith(":"));
  const [verb = ""] = words.slice(-1);
  const noun = (words.length > 1 ? words.at(-2)! : verb).replace(/s$/, "");
  return words.length > 1 ? `${noun}.${verb}` : `${noun}.${method.toLowerCase()}`;
}

/** Whom and what a call is about, from its path, its query and its body. */
function askedIn({ params, query, body }: FastifyRequest): Omit<AuditEntry, "actor" | "action"> {
  const { board, member, ...others } = params as Record<string, string>;
  const asked = typeof body === "object" && body !== null && !Array.isArray(body) ? body : {};
  const { reason, ...rest } = asked as Record<string, unknown>;
  const season = Number((query as { season?: string } | undefined)?.season);
  const details = { ...others, ...(Object.keys(rest).length > 0 ? { request: rest } : {}) };
  return {
    board,
    member,
    season: Number.isSafeInteger(season) && season > 0 && season < 2 ** 31 ? season : undefined,
    reason: typeof reason === "string" ? reason.slice(0, 500) : undefined,
    details,
  };
}

function codeIn(payload: unknown): string {
  const code = typeof payload === "string" ? /"code":"(\w+)"/.exec(payload)?.[1] : undefined;
  return code ?? "internal";
}
