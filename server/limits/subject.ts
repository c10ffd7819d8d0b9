/** Who is limited, as a text for a key; and the clock that a test may hold instead of Redis's. */
import { hash } from "node:crypto";

/** Milliseconds since the Unix epoch. Without one the scripts ask Redis, so that gateways whose clocks differ count alike. */
export type ManualClock = () => number;

export function manualTime(clock: ManualClock | undefined): string | number {
  return clock ? clock() : "";
}

/** Names of players may hold anything, keys may not: neither braces nor a secret. */
export function hashOf(subject: string): string {
  return hash("sha256", subject, "base64url").slice(0, 22);
}
