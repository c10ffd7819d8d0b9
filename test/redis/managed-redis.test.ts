import { existsSync } from "node:fs";
import { appendFile, readdir, readFile, rm, stat, truncate } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { ask, closers, isAlive, newFolder, read, start, until, write } from "./managed.ts";

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
