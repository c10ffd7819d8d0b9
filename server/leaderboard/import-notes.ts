/** How far imports into a board have come, as text that the import makes: in the slot of the board's feed, for a while. */
import { importKey, importLeaseKeys } from "../redis/keys.ts";
import { fromRedisError } from "../redis/reply.ts";
import type { RedisStore } from "../redis/store.ts";

export class ImportNotes {
  readonly #redis: RedisStore;
  readonly #keepMs: number;

  constructor(redis: RedisStore, keepMs: number) {
    this.#redis = redis;
    this.#keepMs = keepMs;
  }

  /** @throws AppError unavailable */
  async read(board: string, id: string): Promise<string | undefined> {
    return (await asked(this.#redis.get(importKey(board, id)))) ?? undefined;
  }

  /** @throws AppError unavailable, store_full */
  async write(board: string, id: string, text: string): Promise<void> {
    await asked(this.#redis.set(importKey(board, id), text, "PX", this.#keepMs));
  }

  /** Whether some import into the board is under way. @throws AppError unavailable */
  async isAnyRunning(board: string): Promise<boolean> {
    return (await asked(this.#redis.exists(importLeaseKeys(board).lease))) === 1;
  }
}

async function asked<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply;
  } catch (error) {
    throw fromRedisError(error);
  }
}
