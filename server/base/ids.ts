/** Random ids. The source is the platform's secure generator; nothing here is guessable. */
import { randomBytes } from "node:crypto";

/** 128 random bits as 22 URL-safe characters. */
export function newId(): string {
  return randomBytes(16).toString("base64url");
}

/** 64 random bits as 11 URL-safe characters: an epoch or an incarnation. */
export function newEpoch(): string {
  return randomBytes(8).toString("base64url");
}
