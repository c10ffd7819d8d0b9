/** What the calls about players say of themselves: sessions, devices, notices; the files of these names have their handlers. */
import { listQuery } from "../admin-schemas.ts";
import * as answers from "../answers/player-answers.ts";
import { describe } from "../operation.ts";
import * as schemas from "../schemas.ts";
import {
  linkRequest,
  memberDeviceParams,
  memberSessionParams,
  sessionParams,
  sessionRequest,
} from "../sign-in-schemas.ts";

export const openSession = describe({
  summary:
    "signs a player in: by server key the `member`, else whom the `jwt` names or whose the `device` is",
  details:
    "token and secret are shown this once: [sign-in](security.md#sessions-and-sign-in), [signed submissions](security.md#signed-submissions)",
  who: "anyone",
  body: sessionRequest,
  answers: { 201: answers.openedSession },
});

export const ownSessions = describe({
  summary: "one's own sessions, the last used first",
  who: "player",
  answers: { 200: answers.ownSessions },
});

export const signOut = describe({
  summary: "signs out this session, [everywhere](#signing-out): `revoked` is 1, or 0 when it had ended",
  who: "player",
  answers: { 200: answers.revoked },
});

export const signOutOther = describe({
  summary: "signs out another of one's own sessions, [everywhere](#signing-out)",
  who: "player",
  params: sessionParams,
  answers: { 200: answers.revoked },
});

export const linkDevice = describe({
  summary: "the device is the player's from now on",
  details: "`was` is the anonymous member whose sessions end, or null",
  who: "player",
  body: linkRequest,
  answers: { 200: answers.linked },
});

export const devices = describe({
  summary: "a player's devices, the newest first, in [pages](#lists)",
  who: "server",
  params: schemas.playerParams,
  query: listQuery,
  answers: { 200: answers.devices },
});

export const removeDevices = describe({
  summary: "takes all devices from the player, and ends all sessions, since a device may have opened them",
  details: "[everywhere](#signing-out)",
  who: "server",
  params: schemas.playerParams,
  answers: { 200: answers.removedDevices },
});

export const removeDevice = describe({
  summary: "takes one device from the player, and ends all sessions",
  details: "[everywhere](#signing-out)",
  who: "server",
  params: memberDeviceParams,
  answers: { 200: answers.removedDevices },
});

export const sessions = describe({
  summary: "a player's sessions, the last used first",
  who: "server",
  params: schemas.playerParams,
  answers: { 200: answers.memberSessions },
});

export const revokeSession = describe({
  summary: "ends one session, [everywhere](#signing-out)",
  who: "server",
  params: memberSessionParams,
  answers: { 200: answers.revoked },
});

export const revokeSessions = describe({
  summary: "ends all sessions of the player, [everywhere](#signing-out)",
  details: "their sockets are closed with `session_ended`, their event streams end",
  who: "server",
  params: schemas.playerParams,
  answers: { 200: answers.revoked },
});

export const notify = describe({
  summary: "event `notice` at the sockets that the player has now, [at most once](#notices)",
  who: "server",
  params: schemas.playerParams,
  body: schemas.notice,
  answers: { 202: answers.sent },
});
