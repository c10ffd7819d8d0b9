/** Devices that sign in anonymously: linked to a named player, listed, and taken away. */
import type { FastifyInstance } from "fastify";
import { listQuery } from "../admin-schemas.ts";
import { requirePlayer, requireRole } from "../caller.ts";
import type { Gateway } from "../gateway.ts";
import { decodeListCursor, encodeListCursor } from "../list-cursor.ts";
import * as schemas from "../schemas.ts";
import { devicesOf } from "../sign-in.ts";
import { linkRequest, memberDeviceParams } from "../sign-in-schemas.ts";
import * as operations from "./player-operations.ts";

export function deviceRoutes(app: FastifyInstance, gateway: Gateway): void {
  const { sessions, control } = gateway;

  app.post("/v1/devices/link", operations.linkDevice, async (request) => {
    const devices = devicesOf(gateway);
    const { member } = await requirePlayer(gateway, request);
    const { device } = schemas.parse(linkRequest, request.body);
    await gateway.rates.takeSignIn({ member });
    const endSessions = async (anonymous: string): Promise<void> => {
      await sessions.revokeAll(anonymous);
      control.signOut(anonymous);
    };
    const was = await devices.link(device, member, endSessions);
    // Once more: a sign-in that had begun before may have opened one since.
    if (was !== undefined) await endSessions(was);
    return { member, was: was ?? null };
  });

  app.get("/v1/members/:member/devices", operations.devices, async (request, reply) => {
    await requireRole(gateway, request, "server");
    const { member } = schemas.parse(schemas.playerParams, request.params);
    void reply.header("cache-control", "no-store");
    const { limit, cursor } = schemas.parse(listQuery, request.query);
    const listed = await devicesOf(gateway).list(member, limit + 1, decodeListCursor("devices", cursor));
    const page = listed.slice(0, limit);
    const more = listed.length > limit ? { cursor: encodeListCursor("devices", page.at(-1)!.place) } : {};
    return { member, devices: page.map(({ place: _, ...device }) => device), ...more };
  });

  app.delete("/v1/members/:member/devices", operations.removeDevices, async (request) => {
    await requireRole(gateway, request, "server");
    const { member } = schemas.parse(schemas.playerParams, request.params);
    return remove(member);
  });

  app.delete("/v1/members/:member/devices/:id", operations.removeDevice, async (request) => {
    await requireRole(gateway, request, "server");
    const { member, id } = schemas.parse(memberDeviceParams, request.params);
    return remove(member, id);
  });

  /** Whose device is taken away may have been signed in by it: all sessions end, and the player signs in anew. */
  async function remove(member: string, id?: string): Promise<{ removed: number; revoked: number }> {
    const removed = await devicesOf(gateway).remove(member, id);
    const revoked = await sessions.revokeAll(member);
    control.signOut(member);
    return { removed, revoked };
  }
}
