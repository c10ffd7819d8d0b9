/** zod for what calls about players answer: sessions, devices, profiles, notices. */
import { z } from "zod";
import { count, instant, shownProfile } from "./entry-answers.ts";

const member = z.string();
const id = z.string();

const sessionFields = {
  id,
  how: z.enum(["server", "jwt", "device"]),
  createdAt: instant,
  usedAt: instant,
  expiresAt: instant,
  endsAt: instant,
};
export const openedSession = z.strictObject({
  token: z.string(),
  id,
  member,
  signingSecret: z.string(),
  expiresAt: instant,
});
export const ownSessions = z.strictObject({
  member,
  sessions: z.array(z.strictObject({ ...sessionFields, current: z.boolean() })),
});
export const memberSessions = z.strictObject({ member, sessions: z.array(z.strictObject(sessionFields)) });
export const revoked = z.strictObject({ revoked: count });

export const linked = z.strictObject({ member, was: z.string().nullable() });
export const devices = z.strictObject({
  member,
  devices: z.array(
    z.strictObject({ id, anonymous: z.boolean(), createdAt: instant, linkedAt: instant.nullable() }),
  ),
  cursor: z.string().optional(),
});
export const removedDevices = z.strictObject({ removed: count, revoked: count });

/** 202: sent, not received. */
export const sent = z.strictObject({});

const version = z.int();
export const oneProfile = z.strictObject({ member, profile: shownProfile });
export const changedProfile = z.strictObject({ member, version, profile: shownProfile });
export const removedProfile = z.strictObject({ member, version });
/** Of a question, or of an import. */
export const manyProfiles = z.union([
  z.strictObject({ profiles: z.array(oneProfile), missing: z.array(member) }),
  z.strictObject({ versions: z.array(z.strictObject({ member, version })) }),
]);
