/** One board's archive for tests: archivers made by hand, and what the tables say beside what the shards say. */
import type { Redis } from "ioredis";
import { Registry } from "prom-client";
import { BoardMirror } from "../../server/archive/board-mirror.ts";
import { LogReader } from "../../server/archive/log-reader.ts";
import { createArchiverMetrics } from "../../server/archiver/archiver-metrics.ts";
import { SeasonArchiver } from "../../server/archiver/season-archiver.ts";
import { newId } from "../../server/base/ids.ts";
import type { Database } from "../../server/database/database.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { silentLog } from "./builders.ts";

/** By member: the text of its key, who sees it, its metadata. */
export type Entries = Map<string, { key: string; sight: number; metadata?: string }>;

export type LogRow = {
  shard: number;
  n: number;
  item: number;
  member: string;
  kind: string;
  old: string;
  key: string;
  id: string;
};

export class TestArchive {
  readonly #database: Database;
  readonly #open: OpenBoard;
  readonly life: number;

  private constructor(database: Database, open: OpenBoard, life: number) {
    this.#database = database;
    this.#open = open;
    this.life = life;
  }

  static async of(database: Database, open: OpenBoard): Promise<TestArchive> {
    const { board, season } = open;
    const life = await new BoardMirror(database).ensureLife(board.id, season.number, season.incarnation);
    return new TestArchive(database, open, life);
  }

  /** As after a start of another process. */
  archiver(redis: Redis, batchEntries = 3, database = this.#database): SeasonArchiver {
    const reader = new LogReader(redis, newId());
    const metrics = createArchiverMetrics(new Registry());
    return new SeasonArchiver(
      { open: this.#open, life: this.life },
      { database, reader, log: silentLog, metrics, batchEntries },
    );
  }

  /** Turns until everything that was there is in the tables. */
  async catchUp(redis: Redis, archiver = this.archiver(redis)): Promise<void> {
    for (let turns = 0; turns < 1_000; turns++) {
      const { lag, more } = await archiver.turn();
      if (lag === 0 && !more) return;
    }
    throw new Error("The archive does not catch up.");
  }

  async entries(): Promise<Entries> {
    const { board, season } = this.#open;
    const rows = await this.#database.run((db) =>
      db
        .selectFrom("current_entries")
        .selectAll()
        .where("board", "=", board.id)
        .where("season", "=", season.number)
        .execute(),
    );
    return new Map(
      rows.map(({ member, key, rest, visibility: sight, metadata }) => [
        member,
        { key: this.#text(key, rest), sight, ...(metadata === null ? {} : { metadata }) },
      ]),
    );
  }

  async log(): Promise<LogRow[]> {
    const rows = await this.#database.run((db) =>
      db
        .selectFrom("score_log")
        .selectAll()
        .where("life", "=", this.life)
        .orderBy("shard")
        .orderBy("n")
        .orderBy("item")
        .execute(),
    );
    return rows.map(({ shard, n, item, member, kind, old_key, old_rest, key, rest, id_hash }) => ({
      shard,
      n,
      item,
      member,
      kind,
      old: this.#text(old_key, old_rest),
      key: this.#text(key, rest),
      id: id_hash ?? "",
    }));
  }

  async count(table: "dead_letters" | "log_gaps"): Promise<number> {
    const rows = await this.#database.run((db) =>
      db.selectFrom(table).select("life").where("life", "=", this.life).execute(),
    );
    return rows.length;
  }

  #text(key: number | null, rest: string | null): string {
    if (key === null) return "";
    return this.#open.layout.kind === "packed" ? String(key) : `${key} ${rest}`;
  }
}

/** What the shards hold, read without the archive's own scripts. */
export async function entriesInRedis(redis: Redis, { shards, layout }: OpenBoard): Promise<Entries> {
  const found: Entries = new Map();
  for (const keys of shards) {
    const places = await redis.hgetall(keys.places);
    const metadata = await redis.hgetall(keys.metadata);
    const put = (member: string, text: string, isHidden: boolean): void => {
      const [here = "0", ban = "0"] = places[`\r${member}`] ?? "";
      const sight = isHidden ? Number(ban === "0" ? here : ban) : 0;
      const about = metadata[member];
      const space = text.indexOf(" ");
      const key = space < 0 ? String(Number(text)) : `${Number(text.slice(0, space))}${text.slice(space)}`;
      found.set(member, { key, sight, ...(about === undefined ? {} : { metadata: about }) });
    };
    if (layout.kind === "wide") {
      for (const [field, text] of Object.entries(places)) {
        if (field === "" || field.startsWith("\r")) continue;
        put(field.replace(/^\n/, ""), text, field.startsWith("\n"));
      }
      continue;
    }
    for (const [shelf, isHidden] of [
      [keys.entries, false],
      [keys.hidden, true],
    ] as const) {
      const flat = await redis.zrange(shelf, "0", "-1", "WITHSCORES");
      for (let i = 0; i < flat.length; i += 2) if (flat[i]) put(flat[i]!, flat[i + 1]!, isHidden);
    }
  }
  return found;
}

/** Everything that is in the logs at present, as rows; a test that reads before each turn of an archiver misses none. */
export async function logInRedis(redis: Redis, { shards, layout }: OpenBoard): Promise<LogRow[]> {
  const rows: LogRow[] = [];
  for (const [shard, { log }] of shards.entries()) {
    for (const [, flat] of await redis.xrange(log, "-", "+")) {
      const fields = new Map<string, string>();
      for (let i = 0; i < flat.length; i += 2) fields.set(flat[i]!, flat[i + 1]!);
      if (fields.get("n") === "0") continue;
      const [pairs, befores] = [fields.get("d")!.split("\t"), fields.get("o")!.split("\t")];
      const ids = fields.get("i")?.split("\t");
      const plain = (text: string): string =>
        layout.kind === "packed" && text !== "" ? String(Number(text)) : text;
      befores.forEach((before, item) => {
        const [key, member] = [pairs[2 * item]!, pairs[2 * item + 1]!];
        const [n, kind, id] = [Number(fields.get("n")), fields.get("k") ?? "submit", ids?.[item] ?? ""];
        rows.push({ shard, n, item, member, kind, old: plain(before), key: plain(key), id });
      });
    }
  }
  return rows;
}
