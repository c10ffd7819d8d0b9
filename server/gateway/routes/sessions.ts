/** Signing in and out, and a player's look at the own sessions. */
import type { FastifyInstance, FastifyReply } from "fastify";
import { type ListedSession, sessionIdOf } from "../../sessions/sessions.ts";
import { requirePlayer } from "../caller.ts";
import type { Gateway } from "../gateway.ts";
import * as schemas from "../schemas.ts";
import { signIn } from "../sign-in.ts";
import { sessionParams } from "../sign-in-schemas.ts";
import * as operations from "./player-operations.ts";

export function sessionRoutes(app: FastifyInstance, gateway: Gateway): void {
  const { sessions, control } = gateway;

  app.post("/v1/sessions", operations.openSession, async (request, reply) => {
    const { token, id, member, expiresAtMs } = await signIn(gateway, request);
    void noStore(reply).status(201);
    const signingSecret = gateway.signatures.secretOf(token);
    return { token, id, member, signingSecret, expiresAt: new Date(expiresAtMs).toISOString() };
  });

  app.get("/v1/sessions", operations.ownSessions, async (request, reply) => {
    const { member, token } = await requirePlayer(gateway, request);
    const current = sessionIdOf(token);
    void noStore(reply);
    const listed = await sessions.list(member);
    return { member, sessions: listed.map((one) => ({ ...shown(one), current: one.id === current })) };
  });

  app.delete("/v1/sessions", operations.signOut, async (request) => {
    const { member, token } = await requirePlayer(gateway, request);
    return revokeOne(member, sessionIdOf(token));
  });

  app.delete("/v1/sessions/:id", operations.signOutOther, async (request) => {
    const { member } = await requirePlayer(gateway, request);
    const { id } = schemas.parse(sessionParams, request.params);
    return revokeOne(member, id);
  });

  async function revokeOne(member: string, id: string): Promise<{ revoked: number }> {
    const revoked = await sessions.revoke(member, id);
    // Also when there was none to revoke: an earlier call may have revoked it and lost its message.
    control.signOut(member);
    return { revoked };
  }
}

/** A listed session on the wire. */
export function shown({ id, how, createdAtMs, usedAtMs, expiresAtMs, endsAtMs }: ListedSession) {
  const iso = (ms: number): string => new Date(ms).toISOString();
  return {
    id,
    how,
    createdAt: iso(createdAtMs),
    usedAt: iso(usedAtMs),
    expiresAt: iso(expiresAtMs),
    endsAt: iso(endsAtMs),
  };
}

function noStore(reply: FastifyReply): FastifyReply {
  return reply.header("cache-control", "no-store");
}
