/**
 * Which boards are being written to, so that the merger need not look at the idle ones.
 *
 * The mark in the sorted set is made before a board's first batch and kept fresh while it lasts; the hint on the channel is
 * only there to look sooner. Losing either costs time, never a frame: the merger's sweep sees every board in the end.
 */
import type { Channels } from "../redis/channels.ts";
import { activeKey, hintChannel } from "../redis/keys.ts";
import type { RedisStore } from "../redis/store.ts";

/** Refresh the marks at least this often, so that `activeSince` with twice the time misses none. */
export const MARK_EVERY_MS = 5_000;

export async function markActive(redis: RedisStore, board: string, nowMs: number): Promise<void> {
  await redis.zadd(activeKey, nowMs, board);
}

/** Boards marked at or after `sinceMs`; older marks are forgotten on the way. */
export async function activeSince(redis: RedisStore, sinceMs: number): Promise<string[]> {
  const [boards] = await Promise.all([
    redis.zrange(activeKey, sinceMs, "+inf", "BYSCORE"),
    redis.zremrangebyscore(activeKey, "-inf", `(${sinceMs - 60_000}`),
  ]);
  return boards;
}

export async function hintDirty(redis: RedisStore, boards: string[]): Promise<void> {
  await redis.spublish(hintChannel, boards.join("\n"));
}

/** Call `onDirty` for each hinted board. */
export function listenForHints(channels: Channels, onDirty: (board: string) => void): void {
  void channels.subscribe(hintChannel, (message) => {
    for (const board of message.toString().split("\n")) onDirty(board);
  });
}
