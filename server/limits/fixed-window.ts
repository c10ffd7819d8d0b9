/** The cheapest limit, for quotas: so many in a window that begins with the first one. At a boundary up to twice the limit may pass. */
import { limitKey } from "../redis/keys.ts";
import { tagged } from "../redis/reply.ts";
import { runScript } from "../redis/scripts.ts";
import type { RedisStore } from "../redis/store.ts";
import { hashOf, type ManualClock, manualTime } from "./subject.ts";

export type WindowSize = {
  /** How many; 0 turns the limit off. */
  limit: number;
  windowMs: number;
};

export type Quota = {
  limit: number;
  left: number;
  /** Until the window ends. */
  resetMs: number;
  refused: boolean;
};

/** Count one. @throws what Redis or its connection throws */
export async function takeFromWindow(
  redis: RedisStore,
  name: string,
  subject: string,
  { limit, windowMs }: WindowSize,
  clock?: ManualClock,
): Promise<Quota> {
  const key = limitKey(name, hashOf(subject));
  const reply = await runScript(redis, "limits/fixed_window", [key], [limit, windowMs, manualTime(clock)]);
  const { tag, rest } = tagged(reply, ["taken", "refused"]);
  return { limit, left: Number(rest[0]), resetMs: Number(rest[1]), refused: tag === "refused" };
}
