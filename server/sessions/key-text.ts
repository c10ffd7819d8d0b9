/**
 * API keys as text: `rw_<role>_<id>.<secret>`. The id finds the key and is no secret; of the secret only the SHA-256 is kept.
 * What a key may touch is its role and its scopes.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** From least to most: each may do what those before it may. */
export const ROLES = ["read", "server", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** A key that was presented and is good. */
export type ApiKey = {
  /** Undefined for the keys of the settings. */
  id: string | undefined;
  role: Role;
  /** Board ids, or prefixes that end in `*`; empty: every board. */
  scopes: readonly string[];
};

const SECRET_BYTES = 32;
const ID_BYTES = 8;
const KEY = /^rw_(read|server|admin)_([0-9a-f]{16})\.([A-Za-z0-9_-]{43})$/;

export type KeyText = { role: Role; id: string; secret: string };

/** @returns undefined when it has not the form of a key */
export function parseKey(text: string): KeyText | undefined {
  const [, role, id, secret] = KEY.exec(text) ?? [];
  if (role === undefined || id === undefined || secret === undefined) return undefined;
  return { role: role as Role, id, secret };
}

export function formatKey({ role, id, secret }: KeyText): string {
  return `rw_${role}_${id}.${secret}`;
}

export function newKeyId(): string {
  return randomBytes(ID_BYTES).toString("hex");
}

export function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString("base64url");
}

export function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** Takes as long for a wrong secret as for the right one. Both are SHA-256, so their lengths are the same. */
export function sameHash(one: Buffer, other: Buffer): boolean {
  return timingSafeEqual(one, other);
}

/** Whether a role includes another one. */
export function includesRole(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

/** Whether a key's scopes let it touch a board. */
export function coversBoard({ scopes }: Pick<ApiKey, "scopes">, board: string): boolean {
  if (scopes.length === 0) return true;
  return scopes.some((scope) =>
    scope.endsWith("*") ? board.startsWith(scope.slice(0, -1)) : board === scope,
  );
}
