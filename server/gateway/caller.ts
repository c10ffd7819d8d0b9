/** Who is calling, from the Authorization header; and what each role may do. */
import type { FastifyRequest } from "fastify";
import { AppError } from "../base/errors.ts";
import { coversBoard, includesRole, type Role } from "../sessions/key-text.ts";
import type { Caller, Gateway } from "./gateway.ts";

type KeyCaller = Extract<Caller, { key: unknown }>;
type Player = Extract<Caller, { role: "player" }>;

const asked = new WeakMap<FastifyRequest, Promise<Caller>>();

/** Found out once for a request, however many ask. @throws AppError unauthorized when a credential is given and not valid; unavailable, overloaded when it cannot be looked up */
export function callerOf(gateway: Gateway, request: FastifyRequest): Promise<Caller> {
  let caller = asked.get(request);
  if (!caller) {
    caller = findCaller(gateway, request);
    asked.set(request, caller);
  }
  return caller;
}

/** The presented key or token. */
export function bearerOf({ headers }: FastifyRequest): string | undefined {
  return /^Bearer (\S{1,512})$/.exec(headers.authorization ?? "")?.[1];
}

async function findCaller({ keys, sessions }: Gateway, request: FastifyRequest): Promise<Caller> {
  if (request.headers.authorization === undefined) return { role: "anyone" };
  const presented = bearerOf(request);
  if (presented === undefined) throw new AppError("unauthorized");
  const key = await keys.find(presented);
  if (key) return { role: key.role, key, presented };
  const { member } = await sessions.touch(presented);
  return { role: "player", member, token: presented };
}

/**
 * An admin key may do what a server key may, and that what a read key may. A key with scopes may touch their boards only: a call that
 * is not about one board (sessions, notices, keys) is not for it, since a session it opens could read and write the others.
 * @param board the route's own where it has one
 * @throws AppError unauthorized, forbidden
 */
export async function requireRole(
  gateway: Gateway,
  request: FastifyRequest,
  needed: Role,
  board: string | undefined = (request.params as { board?: string }).board,
): Promise<KeyCaller> {
  const caller = await callerOf(gateway, request);
  if (caller.role === "anyone") throw new AppError("unauthorized");
  if (caller.role === "player" || !includesRole(caller.role, needed))
    throw new AppError("forbidden", { message: `This call needs ${article(needed)} ${needed} key.` });
  const { key } = caller;
  if (key.scopes.length > 0 && (board === undefined || !coversBoard(key, board))) {
    const what = board === undefined ? "this call is not about one of them" : `"${board}" is not one of them`;
    throw new AppError("forbidden", { message: `This key is for certain boards, and ${what}.` });
  }
  return caller;
}

/** The signed-in player who calls. @throws AppError unauthorized, forbidden */
export async function requirePlayer(gateway: Gateway, request: FastifyRequest): Promise<Player> {
  const caller = await callerOf(gateway, request);
  if (caller.role === "anyone") throw new AppError("unauthorized");
  if (caller.role === "player") return caller;
  throw new AppError("forbidden", { message: "This call needs a player's session token." });
}

function article(role: Role): string {
  return role === "admin" ? "an" : "a";
}
