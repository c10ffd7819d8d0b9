/** The keys of a season in Redis: opened before anything names them, and deleted when it is in the archive. */
import { AppError } from "../base/errors.ts";
import { callAll } from "../redis/batch.ts";
import { activeKey, indexWantedKey, leaseKeys, logLeaseKeys } from "../redis/keys.ts";
import { tagged } from "../redis/reply.ts";
import type { RedisStore } from "../redis/store.ts";
import type { OpenBoard } from "./board.ts";

/** Opens what belongs to a season outside of this room: the feed. Handed in by compose. */
export type OpenFeed = (open: OpenBoard) => Promise<void>;

/** Open every shard, then the feed; again is harmless. @throws AppError store_lost when a shard is another life's */
export async function openSeason(redis: RedisStore, open: OpenBoard, openFeed: OpenFeed): Promise<void> {
  const calls = open.shards.map((keys) => ({
    script: "leaderboard/open_shard" as const,
    keys: Object.values(keys),
    args: [open.season.incarnation],
  }));
  for (const reply of await callAll(redis, calls)) {
    const { tag, rest } = tagged(reply, ["opened", "already", "foreign"]);
    if (tag === "foreign") {
      throw new AppError("store_lost", {
        message: `A shard of ${open.board.id} belongs to incarnation ${rest[0]}.`,
      });
    }
  }
  await openFeed(open);
}

/** Shards that an older version opened lack the keys of rules. What is lost stays so, and its submissions say it. */
export async function addRuleKeys(redis: RedisStore, { season, shards }: OpenBoard): Promise<void> {
  const calls = shards.map(({ meta, rules, held }) => ({
    script: "leaderboard/add_rule_keys" as const,
    keys: [meta, rules, held],
    args: [season.incarnation],
  }));
  await callAll(redis, calls);
}

/** Close every shard: what arrives at one from here on is refused. Again is harmless. @throws AppError store_lost, unavailable */
export async function freezeSeason(redis: RedisStore, { board, season, shards }: OpenBoard): Promise<void> {
  const calls = shards.map(({ meta, entries }) => ({
    script: "leaderboard/freeze_shard" as const,
    keys: [meta, entries],
    args: [season.incarnation],
  }));
  for (const reply of await callAll(redis, calls)) {
    if (tagged(reply, ["frozen", "store_lost"]).tag === "frozen") continue;
    throw new AppError("store_lost", { message: `Season ${season.number} of "${board.id}" lost a shard.` });
  }
}

/**
 * Delete what Redis has of a board: entries first, so that nobody counts them any more, then the leases of who works on it, so that what
 * a merger was about to publish is refused, then feeds. Again is harmless.
 */
export async function deleteBoard(
  redis: RedisStore,
  id: string,
  seasons: readonly OpenBoard[],
): Promise<void> {
  for (const open of seasons) await deleteSeason(redis, open);
  const leases = [leaseKeys(id), logLeaseKeys(id)].flatMap((keys) => Object.values(keys));
  await callAll(
    redis,
    leases.map((key) => ({ command: "unlink", key, args: [] })),
  );
  for (const { feed } of seasons) await callAll(redis, [{ command: "unlink", key: feed.index, args: [] }]);
  for (const key of [activeKey, indexWantedKey]) await callAll(redis, [{ command: "zrem", key, args: [id] }]);
}

/** Delete what Redis has of a season, a shard at a time; Redis frees the memory in the background. Again is harmless. */
export async function deleteSeason(redis: RedisStore, { shards, feed }: OpenBoard): Promise<void> {
  const { state, top, frames, index } = feed;
  for (const keys of [...shards.map((shard) => Object.values(shard)), [state, top, frames, index]]) {
    await callAll(
      redis,
      keys.map((key) => ({ command: "unlink", key, args: [] })),
    );
  }
}
