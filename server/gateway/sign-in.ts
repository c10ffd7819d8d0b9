/** The three ways to a session: a server key names the player, a JWT does, or a device shows its secret. Each counts against the limits. */
import type { FastifyRequest } from "fastify";
import { AppError } from "../base/errors.ts";
import type { OpenedSession } from "../sessions/sessions.ts";
import { requireRole } from "./caller.ts";
import type { Gateway } from "./gateway.ts";
import { member as memberText, parse } from "./schemas.ts";
import { sessionRequest } from "./sign-in-schemas.ts";

/** Connections of sessions that it pushed out end on every gateway. @throws AppError bad_request, unauthorized, forbidden, limited, unavailable */
export async function signIn(gateway: Gateway, request: FastifyRequest): Promise<OpenedSession> {
  const opened = await openFor(gateway, request);
  if (opened.evicted > 0) gateway.control.signOut(opened.member);
  return opened;
}

async function openFor(gateway: Gateway, request: FastifyRequest): Promise<OpenedSession> {
  const { member, jwt, device } = await parsedFor(gateway, request);
  const { rates, sessions, addressOf } = gateway;
  // All players of a game server come from its one address; the others from their own, which is asked before anything is looked up.
  if (member === undefined) await rates.takeSignIn({ address: addressOf(request.raw) });
  if (jwt !== undefined) return signInByJwt(gateway, jwt);
  if (device !== undefined) return signInByDevice(gateway, device);
  await rates.takeSignIn({ member: member as string });
  return sessions.open(member as string, "server");
}

/** Who may not name a player learns that first, whatever else is wrong with the request. */
async function parsedFor(gateway: Gateway, request: FastifyRequest) {
  const body = (request.body ?? {}) as { jwt?: unknown; device?: unknown };
  if (body.jwt === undefined && body.device === undefined) await requireRole(gateway, request, "server");
  return parse(sessionRequest, request.body);
}

async function signInByJwt({ jwt, rates, sessions }: Gateway, token: string): Promise<OpenedSession> {
  if (!jwt) throw off("JWT sign-in", "JWT_ISSUER");
  const named = await jwt.memberOf(token);
  const member = memberText.safeParse(named);
  if (!member.success)
    throw new AppError("unauthorized", { message: "The JWT's member is no name of a member." });
  await rates.takeSignIn({ member: member.data });
  return sessions.open(member.data, "jwt");
}

/** The device may be linked while its session opens: then the session is the anonymous member's, who has none any more. */
async function signInByDevice(gateway: Gateway, secret: string): Promise<OpenedSession> {
  const { rates, sessions } = gateway;
  const devices = devicesOf(gateway);
  const { member } = await devices.signIn(secret);
  await rates.takeSignIn({ member });
  const opened = await sessions.open(member, "device");
  const now = await devices.memberOf(secret);
  if (now === member) return opened;
  await sessions.revoke(member, opened.id);
  if (now === undefined) throw new AppError("unauthorized");
  return sessions.open(now, "device");
}

/** @throws AppError forbidden where it is off */
export function devicesOf({ devices }: Gateway): NonNullable<Gateway["devices"]> {
  if (!devices) throw off("Device sign-in", "DEVICE_SIGN_IN");
  return devices;
}

function off(what: string, setting: string): AppError {
  return new AppError("forbidden", { message: `${what} is off on this server; ${setting} turns it on.` });
}
