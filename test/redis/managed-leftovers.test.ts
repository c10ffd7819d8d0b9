import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { startElsewhere } from "./elsewhere.ts";
import { ask, closers, isAlive, newFolder, read, start, until, write } from "./managed.ts";

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

  it("leaves a stranger alone who has the pid of a Redis that is gone", async () => {
    const dataDir = await newFolder();
    const stranger = spawn("sleep", ["60"], { stdio: "ignore" });
    closers.push(async () => stranger.kill());
    await mkdir(join(dataDir, "redis"));
    await writeFile(join(dataDir, "redis", "redis.pid"), `${stranger.pid}\n`);
    const redis = await start(dataDir);
    expect(await ask(redis.path, (client) => client.ping())).toBe("PONG");
    expect(await isAlive(stranger.pid!)).toBe(true);
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
