/** zod for what signs in: requests for sessions, devices and API keys. */
import { z } from "zod";
import { boardId } from "../leaderboard/board-schema.ts";
import { ROLES } from "../sessions/key-text.ts";
import { member } from "./schemas.ts";

/** 16,384 bytes of header, claims and signature are more than any issuer makes. */
const JWT_LENGTH_MAX = 16_384;
/** Base64url, so that 22 characters are 132 bits. */
const SECRET = /^[A-Za-z0-9_-]{22,128}$/;
const DISTINCT_MIN = 10;
const OVERLAP_MS_MAX = 30 * 24 * 3_600_000;

/** A secret of fewer different characters was typed, not drawn: of 22 drawn ones, one in a million million has so few. */
const deviceSecret = z
  .string()
  .regex(SECRET, "must be at least 128 random bits as 22 to 128 characters of base64url")
  .refine((secret) => new Set(secret).size >= DISTINCT_MIN, "must be random");

export const sessionRequest = z
  .strictObject({
    member: member.optional(),
    jwt: z.string().min(1).max(JWT_LENGTH_MAX).optional(),
    device: deviceSecret.optional(),
  })
  .refine(
    ({ member: named, jwt, device }) => [named, jwt, device].filter((one) => one !== undefined).length === 1,
    "must have exactly one of member, jwt and device",
  );

export const linkRequest = z.strictObject({ device: deviceSecret });

const idOf = (what: string) => z.string().regex(/^[0-9a-f]{16}$/, `must be a ${what}'s id of 16 characters`);
const sessionId = idOf("session");
export const sessionParams = z.object({ id: sessionId });
export const memberSessionParams = z.object({ member, id: sessionId });
export const memberDeviceParams = z.object({ member, id: idOf("device") });

/** A board, or boards by the beginning of their ids. */
export const scope = z
  .string()
  .max(65)
  .refine(
    (text) => text.endsWith("*") || boardId.safeParse(text).success,
    "must be a board's id, or the beginning of ids with * at its end",
  )
  .refine((text) => /^[\w.:-]*\*?$/.test(text), "may have its only * at the end");

export const keyRequest = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(100)
    .regex(/^[^\p{Cc}\p{Cs}]+$/u, "must not contain control characters"),
  role: z.enum(ROLES),
  scopes: z.array(scope).max(100).default([]),
});
export const keyParams = z.object({ id: idOf("key") });
export const rotateRequest = z.strictObject({ overlapMs: z.int().min(0).max(OVERLAP_MS_MAX).default(0) });
