/** Who is calling, from the Authorization header; and what each role may do. */
import type { FastifyRequest } from "fastify";
import { AppError } from "../base/errors.ts";
import type { Caller, Gateway } from "./gateway.ts";

const asked = new WeakMap<FastifyRequest, Promise<Caller>>();

/** Found out once for a request, however many ask. @throws AppError unauthorized when a credential is given and not valid */
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
  const role = keys.roleOf(presented);
  if (role) return { role };
  const { member } = await sessions.touch(presented);
  return { role: "player", member, token: presented };
}

/** An admin key may do what a server key may. @throws AppError unauthorized, forbidden */
export async function requireRole(
  gateway: Gateway,
  request: FastifyRequest,
  needed: "server" | "admin",
): Promise<void> {
  const caller = await callerOf(gateway, request);
  if (caller.role === "anyone") throw new AppError("unauthorized");
  if (caller.role === "admin" || caller.role === needed) return;
  throw new AppError("forbidden", { message: `This call needs the ${needed} key.` });
}
