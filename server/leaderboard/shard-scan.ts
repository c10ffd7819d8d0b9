/** Every entry of a shard, hidden ones too, as it stands while submissions go on; and those of some members in one instant. */
import { AppError } from "../base/errors.ts";
import { callAll } from "../redis/batch.ts";
import { fromRedisError, tagged } from "../redis/reply.ts";
import type { RedisStore } from "../redis/store.ts";
import type { OpenBoard } from "./board.ts";
import { fromStored, placeFrom } from "./codec.ts";
import type { WholeEntry } from "./shard-restore.ts";

/** Elements of one scan step: about a millisecond of Redis. */
const STEP = 1_000;
/** Members of one question of `entriesAt`. */
export const ENTRIES_MAX = 500;

/**
 * Each entry that is there all the time comes at least once; one that is changed meanwhile may come with either key, or twice.
 * @throws AppError unavailable
 */
export async function* scanShard(
  redis: RedisStore,
  { layout, shards }: OpenBoard,
  shard: number,
): AsyncGenerator<WholeEntry[]> {
  const { entries, hidden, places } = shards[shard]!;
  for await (const flat of scan(redis, "zscan", entries)) {
    yield pairsOf(flat).map(([stored, score]) => ({
      ...fromStored(layout, stored, Number(score)),
      visibility: 0,
    }));
  }
  if (layout.kind === "packed") {
    for await (const flat of scan(redis, "zscan", hidden)) {
      const found = pairsOf(flat).map(([member, key]) => ({ member, key: Number(key), rest: "" }));
      yield await withSight(redis, places, found);
    }
    return;
  }
  for await (const flat of scan(redis, "hscan", places, ["MATCH", "\n*"])) {
    const found = pairsOf(flat).map(([member, key]) => placeFrom(layout, key, member.slice(1)));
    yield await withSight(redis, places, found);
  }
}

/** Hidden entries with how they are hidden. */
async function withSight(
  redis: RedisStore,
  places: string,
  found: readonly Omit<WholeEntry, "visibility">[],
): Promise<WholeEntry[]> {
  if (found.length === 0) return [];
  const args = found.map(({ member }) => `\r${member}`);
  const [marks] = await callAll(redis, [{ command: "hmget", key: places, args }]).catch(fail);
  return found.map((entry, i) => ({
    ...entry,
    visibility: visibilityOf((marks as (string | null)[])[i] ?? ""),
  }));
}

/** A mark is what was done to the member here and what a ban does, which goes first (include/shelves.lua). */
function visibilityOf(mark: string): number {
  return Number(mark[1] ?? 0) || Number(mark[0] ?? 0) || 1;
}

async function* scan(
  redis: RedisStore,
  command: "zscan" | "hscan",
  key: string,
  more: string[] = [],
): AsyncGenerator<string[]> {
  for (let cursor = "0", first = true; first || cursor !== "0"; first = false) {
    const args = [cursor, ...more, "COUNT", STEP];
    const [reply] = await callAll(redis, [{ command, key, args }]).catch(fail);
    const [next, flat] = reply as [string, string[]];
    yield flat;
    cursor = next;
  }
}

/** Without the placeholder. */
function pairsOf(flat: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) if (flat[i] !== "") pairs.push([flat[i]!, flat[i + 1]!]);
  return pairs;
}

export type EntriesAt = {
  /** Batches of the shard at that instant. */
  n: number;
  /** One for each member asked for. */
  entries: (WholeEntry | undefined)[];
};

/**
 * The entries of some members, and how many batches the shard had at that instant.
 * @param members at most ENTRIES_MAX
 * @throws AppError store_lost, unavailable
 */
export async function entriesAt(
  redis: RedisStore,
  { board, season, layout, shards }: OpenBoard,
  shard: number,
  members: readonly string[],
): Promise<EntriesAt> {
  const { entries, hidden, places, meta } = shards[shard]!;
  const call =
    layout.kind === "packed"
      ? {
          script: "leaderboard/entries_at" as const,
          keys: [entries, hidden, meta, places],
          args: [season.incarnation, ...members],
        }
      : {
          script: "leaderboard/entries_at_wide" as const,
          keys: [entries, places, meta],
          args: [season.incarnation, layout.restLength, ...members],
        };
  const [reply] = await callAll(redis, [call]).catch(fail);
  const { tag, rest } = tagged(reply, ["entries", "store_lost"]);
  if (tag === "store_lost") throw new AppError("store_lost", { message: `Board ${board.id} lost a shard.` });
  const [n, ...keys] = rest as string[];
  const found = members.map((member, i): WholeEntry | undefined => {
    const [visible = "", hiddenKey = "", mark = ""] = keys.slice(3 * i, 3 * i + 3);
    if (visible !== "") return { ...placeFrom(layout, visible, member), visibility: 0 };
    if (hiddenKey === "") return undefined;
    return { ...placeFrom(layout, hiddenKey, member), visibility: visibilityOf(mark) };
  });
  return { n: Number(n), entries: found };
}

function fail(error: unknown): never {
  throw fromRedisError(error);
}
