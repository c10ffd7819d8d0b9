/** The strict limit, for what is rare and attacked: never more than so many in any span of that length, at an entry of memory each. */
import { newId } from "../base/ids.ts";
import { limitKey } from "../redis/keys.ts";
import { tagged } from "../redis/reply.ts";
import { runScript } from "../redis/scripts.ts";
import type { RedisStore } from "../redis/store.ts";
import type { WindowSize } from "./fixed-window.ts";
import { hashOf, type ManualClock, manualTime } from "./subject.ts";

/** Take one attempt. @returns ms until there is room, 0 when it was taken. @throws what Redis or its connection throws */
export async function takeAttempt(
  redis: RedisStore,
  name: string,
  subject: string,
  { limit, windowMs }: WindowSize,
  clock?: ManualClock,
): Promise<number> {
  const key = limitKey(name, hashOf(subject));
  const args = [limit, windowMs, newId(), manualTime(clock)];
  const { tag, rest } = tagged(await runScript(redis, "limits/sliding_window", [key], args), [
    "taken",
    "refused",
  ]);
  return tag === "taken" ? 0 : Math.max(1, Number(rest[0]));
}
