/** Score logs into the tables by the plainest means: what the archive holds when it has come exactly so far in each shard; and back. */
import type { Redis } from "ioredis";
import { BoardMirror } from "../../server/archive/board-mirror.ts";
import { newestLife } from "../../server/archive/stored-lives.ts";
import type { Database } from "../../server/database/database.ts";
import type { BoardRecord, OpenBoard } from "../../server/leaderboard/board.ts";
import { createRedisBoardRepository } from "../../server/leaderboard/board-repository.ts";
import { placeFrom } from "../../server/leaderboard/codec.ts";
import { rebuild } from "../../server/recovery/rebuild.ts";

type LogEntry = {
  n: number;
  at: Date;
  pairs: [key: string, member: string][];
  olds: string[];
  ids: string[];
  kind: string;
};

/** @param upTo the last batch of a shard that is archived; by default all */
export async function archiveByHand(
  redis: Redis,
  database: Database,
  open: OpenBoard,
  upTo: (shard: number) => number = () => Number.POSITIVE_INFINITY,
): Promise<void> {
  const record = await createRedisBoardRepository(redis).get(open.board.id);
  if (record) await archiveRecord(database, record.record);
  const of = { board: open.board.id, season: open.season.number };
  const life = await lifeOf(database, of, open.season.incarnation);
  for (const [shard, { log, metadata }] of open.shards.entries()) {
    const metadataOf = await redis.hgetall(metadata);
    const position = await positionOf(database, life, shard);
    for (const entry of await readLog(redis, log)) {
      if (entry.n <= position || entry.n > upTo(shard)) continue;
      await archiveEntry(database, open, { life, shard, entry, metadataOf });
    }
  }
}

export async function archiveRecord(database: Database, record: BoardRecord): Promise<void> {
  await new BoardMirror(database).mirror(record);
}

async function lifeOf(
  database: Database,
  of: { board: string; season: number },
  incarnation: string,
): Promise<number> {
  const newest = await newestLife(database, of);
  if (newest?.incarnation === incarnation) return newest.life;
  const values = { ...of, ordinal: (newest?.ordinal ?? 0) + 1, incarnation };
  const row = await database.run((db) =>
    db.insertInto("lives").values(values).returning("life").executeTakeFirstOrThrow(),
  );
  return row.life;
}

async function positionOf(database: Database, life: number, shard: number): Promise<number> {
  const row = await database.run((db) =>
    db
      .selectFrom("shard_positions")
      .select("n")
      .where("life", "=", life)
      .where("shard", "=", shard)
      .executeTakeFirst(),
  );
  return row?.n ?? 0;
}

async function readLog(redis: Redis, log: string): Promise<LogEntry[]> {
  const rows = await redis.xrange(log, "-", "+");
  return rows.flatMap(([id, flat]) => {
    const fields = new Map<string, string>();
    for (let i = 0; i < flat.length; i += 2) fields.set(flat[i]!, flat[i + 1]!);
    if (fields.get("d") === "") return [];
    const words = fields.get("d")!.split("\t");
    const pairs = words.flatMap((key, i): [string, string][] => (i % 2 === 0 ? [[key, words[i + 1]!]] : []));
    return [
      {
        n: Number(fields.get("n")),
        at: new Date(Number(id.split("-")[0])),
        pairs,
        olds: fields.get("o")!.split("\t"),
        ids: fields.get("i")?.split("\t") ?? [],
        kind: fields.get("k") ?? "submit",
      },
    ];
  });
}

type Where = { life: number; shard: number; entry: LogEntry; metadataOf: Record<string, string> };

async function archiveEntry(
  database: Database,
  { board, season, layout }: OpenBoard,
  { life, shard, entry, metadataOf }: Where,
): Promise<void> {
  const { n, at } = entry;
  await database.run((db) =>
    db.transaction().execute(async (transaction) => {
      for (const [item, [text, member]] of entry.pairs.entries()) {
        const { key, rest } = placeFrom(layout, text, member);
        const values = { key, rest, shard, life, n, metadata: metadataOf[member] ?? null };
        await transaction
          .insertInto("current_entries")
          .values({ board: board.id, season: season.number, member, ...values })
          .onConflict((conflict) => conflict.columns(["board", "season", "member"]).doUpdateSet(values))
          .execute();
        const old = entry.olds[item] ? placeFrom(layout, entry.olds[item]!, member) : undefined;
        const id_hash = entry.ids[item] || null;
        const logged = { old_key: old?.key ?? null, old_rest: old?.rest ?? null, key, rest, id_hash };
        await transaction
          .insertInto("score_log")
          .values({ life, shard, n, item, at, member, kind: entry.kind, ...logged })
          .execute();
      }
      const position = { n, at, entry_id: `${at.getTime()}-0` };
      await transaction
        .insertInto("shard_positions")
        .values({ life, shard, ...position })
        .onConflict((conflict) => conflict.columns(["life", "shard"]).doUpdateSet(position))
        .execute();
    }),
  );
}

/** A board that Redis has lost, from the tables. */
export async function rebuildBoard(redis: Redis, database: Database, id: string): Promise<void> {
  const repository = createRedisBoardRepository(redis);
  const dedup = { windowMs: 600_000, idsMax: 100_000 };
  await rebuild({ redis, database, repository, dedup, boards: [id], force: false });
}
