/** What a game server does with a player, whatever the board: look at the sessions, end one or all of them, send a notice. */
import type { FastifyInstance } from "fastify";
import { requireRole } from "../caller.ts";
import type { Gateway } from "../gateway.ts";
import * as schemas from "../schemas.ts";
import { memberSessionParams } from "../sign-in-schemas.ts";
import * as operations from "./player-operations.ts";
import { shown } from "./sessions.ts";

export function memberRoutes(app: FastifyInstance, gateway: Gateway): void {
  app.get("/v1/members/:member/sessions", operations.sessions, async (request, reply) => {
    await requireRole(gateway, request, "server");
    const { member } = schemas.parse(schemas.playerParams, request.params);
    void reply.header("cache-control", "no-store");
    return { member, sessions: (await gateway.sessions.list(member)).map(shown) };
  });

  app.delete("/v1/members/:member/sessions/:id", operations.revokeSession, async (request) => {
    await requireRole(gateway, request, "server");
    const { member, id } = schemas.parse(memberSessionParams, request.params);
    const revoked = await gateway.sessions.revoke(member, id);
    gateway.control.signOut(member);
    return { revoked };
  });

  app.delete("/v1/members/:member/sessions", operations.revokeSessions, async (request) => {
    await requireRole(gateway, request, "server");
    const { member } = schemas.parse(schemas.playerParams, request.params);
    const revoked = await gateway.sessions.revokeAll(member);
    // Also when there was none to revoke: an earlier call may have revoked them and lost its message.
    gateway.control.signOut(member);
    return { revoked };
  });

  app.post("/v1/members/:member/notices", operations.notify, async (request, reply) => {
    await requireRole(gateway, request, "server");
    const { member } = schemas.parse(schemas.playerParams, request.params);
    gateway.control.notify(member, schemas.parse(schemas.notice, request.body));
    void reply.status(202);
    return {};
  });
}
