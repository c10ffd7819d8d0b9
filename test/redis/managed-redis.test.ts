import { existsSync } from "node:fs";
import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, describe, expect, it } from "vitest";
import { sleep } from "../../server/base/clock.ts";
import { createLog } from "../../server/base/log.ts";
import {
  type ManagedRedis,
  type ManagedRedisOptions,
  startManagedRedis,
} from "../../server/redis/managed/managed-redis.ts";
import { describeProcess } from "../../server/redis/managed/process-table.ts";
import { testRunFolder } from "../support/shared-redis.ts";
import { startElsewhere } from "./elsewhere.ts";

const log = createLog({ level: "silent", pretty: false });
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const newFolder = (): Promise<string> => mkdtemp(join(testRunFolder(), "m-"));

async function start(dataDir: string, more: Partial<ManagedRedisOptions> = {}): Promise<ManagedRedis> {
  const redis = await startManagedRedis({ dataDir, install: "never", log, say: () => undefined, ...more });
  closers.push(() => redis.stop());
  return redis;
}

/** Runs `work` on a connection of its own. */
async function ask<T>(path: string, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis({ path, protocol: 2, replyMapping: "legacy", retryStrategy: () => 20 });
  client.on("error", () => undefined);
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
}

/** Until Redis has handed its append-only file to the kernel: with `everysec` a reply may come a moment before that. */
async function write(path: string, key: string, value: string): Promise<void> {
  await ask(path, async (client) => {
    await client.set(key, value);
    while (!(await client.info("persistence")).includes("aof_buffer_length:0\r\n")) await sleep(20);
  });
}

const read = (path: string, key: string): Promise<string | null> => ask(path, (client) => client.get(key));

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20);
}

const isAlive = async (pid: number): Promise<boolean> => (await describeProcess(pid)) !== undefined;

async function appendOnlyFile(dataDir: string): Promise<string> {
  const folder = join(dataDir, "redis", "appendonlydir");
  const name = (await readdir(folder)).find((file) => file.endsWith(".incr.aof"));
  return join(folder, name!);
}

describe("a managed Redis", () => {
  it("serves on a unix socket of this user only, durable and without eviction", async () => {
    const dataDir = await newFolder();
    const redis = await start(dataDir);
    expect(redis.path).toBe(join(dataDir, "redis.sock"));
    expect(redis.version).toMatch(/^\d+\.\d+\.\d+$/);
    expect((await stat(redis.path)).mode & 0o777).toBe(0o700);
    const settings = await ask(redis.path, (client) =>
      client.call("CONFIG", "GET", "port", "appendonly", "appendfsync", "maxmemory-policy", "dir"),
    );
    const pairs = settings as string[];
    const settingOf = (name: string): string | undefined => pairs[pairs.indexOf(name) + 1];
    expect(settingOf("port")).toBe("0");
    expect(settingOf("appendonly")).toBe("yes");
    expect(settingOf("appendfsync")).toBe("everysec");
    expect(settingOf("maxmemory-policy")).toBe("noeviction");
    expect(settingOf("dir")).toBe(join(dataDir, "redis"));
  });

  it("keeps its data over a stop and a start, and leaves nothing running in between", async () => {
    const dataDir = await newFolder();
    const first = await start(dataDir);
    await ask(first.path, (client) => client.set("score", "42"));
    const { pid } = first;
    await Promise.all([first.stop(), first.stop()]);
    expect(await isAlive(pid)).toBe(false);
    expect(existsSync(first.path)).toBe(false);
    expect(existsSync(join(dataDir, "rankwire.lock"))).toBe(false);
    const second = await start(dataDir);
    expect(await read(second.path, "score")).toBe("42");
  });

  it("takes more settings, and waits while Redis loads its data", async () => {
    const dataDir = await newFolder();
    const first = await start(dataDir);
    await ask(first.path, async (client) => {
      await client.eval("for i = 1, 400 do redis.call('SET', 'k' .. i, i) end", 0);
    });
    await first.stop();
    const startedAt = performance.now();
    const second = await start(dataDir, {
      args: ["--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024"],
    });
    expect(performance.now() - startedAt).toBeGreaterThan(600);
    expect(await read(second.path, "k400")).toBe("400");
  });

  it("starts in a folder whose path is too long for a socket, and finds the same data there again", async () => {
    const dataDir = join(await newFolder(), "a folder with a long name ".repeat(4), "b".repeat(60));
    const first = await start(dataDir);
    expect(Buffer.byteLength(first.path)).toBeLessThanOrEqual(103);
    closers.unshift(() => rm(dirname(first.path), { recursive: true }));
    expect(existsSync(join(dataDir, "redis", "appendonlydir"))).toBe(true);
    await ask(first.path, (client) => client.set("score", "1"));
    await expect(start(dataDir)).rejects.toThrow("already runs");
    await first.stop();
    const second = await start(dataDir);
    expect(second.path).toBe(first.path);
    expect(await read(second.path, "score")).toBe("1");
  });
});

describe("a managed Redis that crashes", () => {
  it("is started again on the same socket with its data", async () => {
    const redis = await start(await newFolder());
    await write(redis.path, "score", "7");
    const { pid } = redis;
    process.kill(pid, "SIGKILL");
    await until(() => redis.pid !== pid);
    expect(await read(redis.path, "score")).toBe("7");
    expect(await isAlive(pid)).toBe(false);
  });

  it("is given up after too many crashes within a minute, and says so once", async () => {
    const redis = await start(await newFolder(), { maxRestarts: 1 });
    const errors: Error[] = [];
    redis.onFatal((error) => errors.push(error));
    const { pid } = redis;
    process.kill(pid, "SIGKILL");
    await until(() => redis.pid !== pid);
    await ask(redis.path, (client) => client.ping());
    expect(errors).toEqual([]);
    process.kill(redis.pid, "SIGKILL");
    await until(() => errors.length > 0);
    expect(errors[0]?.message).toContain("Redis crashed 2 times within a minute (SIGKILL)");
    const late = await new Promise<Error>((resolve) => redis.onFatal(resolve));
    expect(late).toBe(errors[0]);
    await redis.stop();
    expect(errors).toHaveLength(1);
  });

  it("can be stopped while it waits for its restart", async () => {
    const dataDir = await newFolder();
    const redis = await start(dataDir);
    process.kill(redis.pid, "SIGKILL");
    await until(() => isAlive(redis.pid).then((alive) => !alive));
    await redis.stop();
    expect(await isAlive(redis.pid)).toBe(false);
    expect(existsSync(join(dataDir, "rankwire.lock"))).toBe(false);
  });

  it("starts with an append-only file whose end was cut off", async () => {
    const dataDir = await newFolder();
    const first = await start(dataDir);
    await write(first.path, "kept", "1");
    await write(first.path, "torn", "2");
    await first.stop();
    const file = await appendOnlyFile(dataDir);
    await truncate(file, (await stat(file)).size - 3);
    const second = await start(dataDir);
    expect(await read(second.path, "kept")).toBe("1");
    expect(await read(second.path, "torn")).toBeNull();
  });

  it("refuses a corrupt append-only file with Redis's own last lines, and leaves it as it is", async () => {
    const dataDir = await newFolder();
    await (await start(dataDir)).stop();
    const file = await appendOnlyFile(dataDir);
    await appendFile(file, "this is not a command\r\n");
    const before = await readFile(file);
    await expect(start(dataDir)).rejects.toThrow(/did not start \(exit code 1\)[\s\S]*Bad file format/);
    expect(await readFile(file)).toEqual(before);
    expect(existsSync(join(dataDir, "rankwire.lock"))).toBe(false);
  });
});

describe("a folder that is in use or was left behind", () => {
  it("refuses a second instance, names the process, and leaves the first alone", async () => {
    const dataDir = await newFolder();
    const other = await startElsewhere(dataDir);
    closers.push(other.kill);
    await expect(start(dataDir)).rejects.toThrow(`already runs on ${dataDir} (process ${other.pid})`);
    expect(await ask(other.redis.path, (client) => client.ping())).toBe("PONG");
    expect(await isAlive(other.redis.pid)).toBe(true);
  });

  it("lets one alone of several that start at the same moment have it", async () => {
    const dataDir = await newFolder();
    const results = await Promise.allSettled([1, 2, 3, 4].map(() => start(dataDir)));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const result of results) {
      if (result.status === "rejected") expect(String(result.reason)).toContain("already runs");
    }
  });

  it("removes a socket that nobody serves and a lock whose owner is gone", async () => {
    const dataDir = await newFolder();
    const other = await startElsewhere(dataDir);
    process.kill(other.pid, "SIGKILL");
    process.kill(other.redis.pid, "SIGKILL");
    await until(async () => !(await isAlive(other.pid)) && !(await isAlive(other.redis.pid)));
    expect(existsSync(other.redis.path) && existsSync(join(dataDir, "rankwire.lock"))).toBe(true);
    const redis = await start(dataDir);
    expect(await ask(redis.path, (client) => client.ping())).toBe("PONG");
  });

  it.each([
    ["whose pid belongs to another process by now", JSON.stringify({ pid: 1, startedAt: "before" })],
    ["that a power cut has left empty", ""],
  ])("takes over a lock %s", async (_, content) => {
    const dataDir = await newFolder();
    await writeFile(join(dataDir, "rankwire.lock"), content);
    const redis = await start(dataDir);
    expect(await ask(redis.path, (client) => client.ping())).toBe("PONG");
  });

  it("stops the Redis of a Rankwire that was killed, and goes on with its data", async () => {
    const dataDir = await newFolder();
    const other = await startElsewhere(dataDir);
    await ask(other.redis.path, (client) => client.set("score", "99"));
    process.kill(other.pid, "SIGKILL");
    await until(async () => !(await isAlive(other.pid)));
    expect(await isAlive(other.redis.pid)).toBe(true);
    const redis = await start(dataDir);
    expect(redis.pid).not.toBe(other.redis.pid);
    expect(await isAlive(other.redis.pid)).toBe(false);
    expect(await read(redis.path, "score")).toBe("99");
  });

  it("kills such a Redis when it hangs", async () => {
    const dataDir = await newFolder();
    const other = await startElsewhere(dataDir);
    await write(other.redis.path, "score", "5");
    process.kill(other.pid, "SIGKILL");
    process.kill(other.redis.pid, "SIGSTOP");
    await until(async () => !(await isAlive(other.pid)));
    const redis = await start(dataDir, { stopMs: 300 });
    expect(await isAlive(other.redis.pid)).toBe(false);
    expect(await read(redis.path, "score")).toBe("5");
  });

  it("refuses a socket on which somebody answers who is not to be seen, and takes no lock", async () => {
    const dataDir = await newFolder();
    await mkdir(dataDir, { recursive: true });
    const info = "process_id:999999999\r\nloading:0\r\n";
    const stranger = createServer((socket) => {
      socket
        .on("error", () => undefined)
        .resume()
        .end(`$${info.length}\r\n${info}\r\n`);
    });
    await new Promise<void>((resolve) => stranger.listen(join(dataDir, "redis.sock"), resolve));
    closers.push(() => new Promise((resolve) => stranger.close(resolve)));
    await expect(start(dataDir)).rejects.toThrow("Does another container use");
    expect(existsSync(join(dataDir, "redis.sock"))).toBe(true);
    expect(existsSync(join(dataDir, "rankwire.lock"))).toBe(false);
  });

  it("ends with a process that ends without stopping it", async () => {
    const other = await startElsewhere(await newFolder());
    other.exit();
    await until(async () => !(await isAlive(other.pid)) && !(await isAlive(other.redis.pid)));
  });
});
