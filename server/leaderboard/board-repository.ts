/** Where board records are kept: a small interface, because they move to PostgreSQL with part 4. In Redis until then. */
import { registryKeys } from "../redis/keys.ts";
import { tagged } from "../redis/reply.ts";
import { runScript } from "../redis/scripts.ts";
import type { RedisStore } from "../redis/store.ts";
import type { BoardRecord } from "./board.ts";
import { parseRecord } from "./board-schema.ts";

/** A record with the text it was stored as, which a later save must still find. */
export type StoredBoard = { record: BoardRecord; text: string };

export type BoardRepository = {
  /** Grows with every save; "0" before the first one. */
  version(): Promise<string>;
  all(): Promise<StoredBoard[]>;
  get(id: string): Promise<StoredBoard | undefined>;
  /** @param expected what `get` gave, undefined when there was none */
  save(record: BoardRecord, expected: StoredBoard | undefined): Promise<"saved" | "conflict">;
};

export function createRedisBoardRepository(redis: RedisStore): BoardRepository {
  const { boards, version } = registryKeys;
  return {
    version: async () => (await redis.get(version)) ?? "0",
    all: async () => Object.values(await redis.hgetall(boards)).map(stored),
    get: async (id) => {
      const text = await redis.hget(boards, id);
      return text === null ? undefined : stored(text);
    },
    save: async (record, expected) => {
      const args = [record.board.id, expected?.text ?? "", JSON.stringify(record)];
      const reply = await runScript(redis, "leaderboard/save_board", [boards, version], args);
      return tagged(reply, ["saved", "conflict"]).tag;
    },
  };
}

function stored(text: string): StoredBoard {
  return { record: parseRecord(text) as BoardRecord, text };
}
