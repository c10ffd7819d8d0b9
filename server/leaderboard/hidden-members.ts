/** The list of a board's hidden members: their marks, read shard by shard in pages. */
import type { EntryValues } from "../../client-sdk/protocol/messages.ts";
import { AppError } from "../base/errors.ts";
import { fromRedisError } from "../redis/reply.ts";
import type { RedisStore } from "../redis/store.ts";
import type { OpenBoard } from "./board.ts";
import { entryValues, placeFrom } from "./codec.ts";
import { lookUp, type Mark, SIGHTS, sightOf } from "./direct-writes.ts";

/** Without a score where a ban stands for a member who has no entry. */
export type HiddenMember = Partial<EntryValues> & { member: string; mark: Mark };

/** Fields of places looked at in one call, and calls of one page: a wide board's hash has everybody in it. */
const SCANNED = 2_000;
const CALLS_MAX = 25;
/** What a mark's field begins with (`include/shelves.lua`). */
const MARK = "\r";

/**
 * One page, in no order. A page may be short, even empty, and still have a cursor; a member may come twice while others are hidden.
 * @throws AppError cursor_invalid, store_lost, unavailable
 */
export async function hiddenMembers(
  redis: RedisStore,
  open: OpenBoard,
  limit: number,
  cursor?: string,
): Promise<{ members: HiddenMember[]; cursor?: string }> {
  let { shard, at } = positionIn(open, cursor);
  const members: HiddenMember[] = [];
  for (let calls = 0; shard < open.shards.length; calls++) {
    if (members.length >= limit || calls === CALLS_MAX) return { members, cursor: cursorAt(open, shard, at) };
    const [next, fields] = await redis
      .hscan(open.shards[shard]!.places, at, "MATCH", `${MARK}*`, "COUNT", SCANNED)
      .catch((error: unknown) => {
        throw fromRedisError(error);
      });
    const names = fields.flatMap((field, i) => (i % 2 === 0 ? [field.slice(MARK.length)] : []));
    members.push(...(await entriesOf(redis, open, shard, names)));
    at = next;
    if (next === "0") shard++;
  }
  return { members };
}

async function entriesOf(
  redis: RedisStore,
  open: OpenBoard,
  shard: number,
  names: string[],
): Promise<HiddenMember[]> {
  const found: HiddenMember[] = [];
  for (let first = 0; first < names.length; first += 500) {
    const part = names.slice(first, first + 500);
    (await lookUp(redis, open, shard, part)).forEach(({ mark, key }, i) => {
      const member = part[i]!;
      if (sightOf(mark) === SIGHTS.visible) return;
      const values = key === undefined ? {} : entryValues(open, placeFrom(open.layout, key, member));
      found.push({ member, mark, ...values });
    });
  }
  return found;
}

function cursorAt({ season }: OpenBoard, shard: number, at: string): string {
  return Buffer.from(JSON.stringify([season.incarnation, shard, at])).toString("base64url");
}

function positionIn(
  { season, shards }: OpenBoard,
  cursor: string | undefined,
): { shard: number; at: string } {
  if (cursor === undefined) return { shard: 0, at: "0" };
  try {
    const [incarnation, shard, at] = JSON.parse(
      Buffer.from(cursor, "base64url").toString("utf8"),
    ) as unknown[];
    const ours = incarnation === season.incarnation && Number.isInteger(shard) && typeof at === "string";
    if (ours && (shard as number) >= 0 && (shard as number) < shards.length && /^\d{1,20}$/.test(at)) {
      return { shard: shard as number, at };
    }
  } catch {
    // Not ours.
  }
  throw new AppError("cursor_invalid");
}
