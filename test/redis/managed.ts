/** Managed Redises of one test: started, asked, and stopped when it is over. */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach } from "vitest";
import { sleep } from "../../server/base/clock.ts";
import { createLog } from "../../server/base/log.ts";
import { describeProcess } from "../../server/base/machine/process-table.ts";
import {
  type ManagedRedis,
  type ManagedRedisOptions,
  startManagedRedis,
} from "../../server/redis/managed/managed-redis.ts";
import { testRunFolder } from "../support/shared-redis.ts";

const log = createLog({ level: "silent", pretty: false });
/** Called after each test, the last one first. */
export const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

export const newFolder = (): Promise<string> => mkdtemp(join(testRunFolder(), "m-"));

export async function start(dataDir: string, more: Partial<ManagedRedisOptions> = {}): Promise<ManagedRedis> {
  const redis = await startManagedRedis({ dataDir, install: "never", log, say: () => undefined, ...more });
  closers.push(() => redis.stop());
  return redis;
}

/** Runs `work` on a connection of its own. */
export async function ask<T>(path: string, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis({ path, protocol: 2, replyMapping: "legacy", retryStrategy: () => 20 });
  client.on("error", () => undefined);
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
}

/** Until Redis has handed its append-only file to the kernel: with `everysec` a reply may come a moment before that. */
export async function write(path: string, key: string, value: string): Promise<void> {
  await ask(path, async (client) => {
    await client.set(key, value);
    while (!(await client.info("persistence")).includes("aof_buffer_length:0\r\n")) await sleep(20);
  });
}

export const read = (path: string, key: string): Promise<string | null> =>
  ask(path, (client) => client.get(key));

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20);
}

export const isAlive = async (pid: number): Promise<boolean> => (await describeProcess(pid)) !== undefined;
