/** The rank index in Redis: published under the merger's lease, read by gateways, and wanted by them for as long as somebody looks. */
import { type FeedKeys, indexWantedKey, leaseKeys } from "../redis/keys.ts";
import { fromRedisError, tagged } from "../redis/reply.ts";
import { runScript } from "../redis/scripts.ts";
import type { RedisStore } from "../redis/store.ts";
import { decodeIndex, encodeIndex } from "./index-frame.ts";
import type { RankIndex } from "./rank-index.ts";

/** How long one mark of interest counts; it is made again while the interest lasts. */
export const WANTED_MS = 60_000;

export async function publishIndex(
  redis: RedisStore,
  { board, keys }: { board: string; keys: FeedKeys },
  index: RankIndex,
  token: string,
): Promise<"published" | "fenced"> {
  const keyList = [leaseKeys(board).lease, keys.index];
  const args = [token, keys.indexChannel, encodeIndex(index)];
  return tagged(await runScript(redis, "rank-index/publish", keyList, args), ["published", "fenced"]).tag;
}

/** The last published index; undefined when there is none yet. @throws AppError unavailable */
export async function readIndex(redis: RedisStore, keys: FeedKeys): Promise<RankIndex | undefined> {
  const frame = await redis.getBuffer(keys.index).catch((error: unknown) => {
    throw fromRedisError(error);
  });
  return frame ? decodeIndex(frame) : undefined;
}

/** Say that somebody here looks at ranks of these boards. The clock is that of Redis: gateways and mergers may disagree. */
export async function wantIndex(redis: RedisStore, boards: readonly string[]): Promise<void> {
  if (boards.length === 0) return;
  tagged(await runScript(redis, "rank-index/want", [indexWantedKey], [WANTED_MS, ...boards]), ["wanted"]);
}

/** The boards whose index somebody wants; old marks are forgotten on the way. */
export async function wantedBoards(redis: RedisStore): Promise<string[]> {
  const { rest } = tagged(await runScript(redis, "rank-index/wanted", [indexWantedKey], []), ["wanted"]);
  return rest as string[];
}
