import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Cluster } from "ioredis";
import { describe, expect, it } from "vitest";
import { createLog } from "../../server/base/log.ts";
import { type ManagedCluster, startManagedCluster } from "../../server/redis/managed/managed-cluster.ts";
import type { ManagedRedisOptions } from "../../server/redis/managed/managed-redis.ts";
import { leaveCluster } from "./elsewhere.ts";
import { closers, isAlive, newFolder, start, until } from "./managed.ts";

const log = createLog({ level: "silent", pretty: false });

async function startCluster(
  dataDir: string,
  more: Partial<ManagedRedisOptions> = {},
): Promise<ManagedCluster> {
  const options = { dataDir, install: "never", log, say: () => undefined, ...more } as const;
  const cluster = await startManagedCluster(options);
  closers.push(() => cluster.stop());
  return cluster;
}

/** Runs `work` on a cluster client of its own, which knows no more than the URL. */
async function ask<T>({ url }: { url: string }, work: (client: Cluster) => Promise<T>): Promise<T> {
  const urls = url.split(",");
  const client = new Cluster(urls, {
    redisOptions: { password: new URL(urls[0]!).password, protocol: 2, replyMapping: "legacy" },
    clusterRetryStrategy: () => 50,
    retryDelayOnClusterDown: 50,
    retryDelayOnFailover: 50,
  });
  client.on("error", () => undefined);
  try {
    await once(client, "ready");
    return await work(client);
  } finally {
    client.disconnect();
  }
}

/** Enough that every master has some. */
const KEYS = Array.from({ length: 60 }, (_, i) => `key-${i}`);

const write = (cluster: { url: string }): Promise<unknown> =>
  ask(cluster, async (client) => {
    for (const key of KEYS) await client.set(key, `value of ${key}`);
    // Until each has handed its append-only file to the kernel: with `everysec` a reply may come before that.
    for (const node of client.nodes("master")) {
      await until(async () => (await node.info("persistence")).includes("aof_buffer_length:0\r\n"));
    }
  });

const missing = (cluster: { url: string }): Promise<string[]> =>
  ask(cluster, async (client) => {
    const values = await Promise.all(KEYS.map((key) => client.get(key)));
    return KEYS.filter((key, i) => values[i] !== `value of ${key}`);
  });

const pidsOf = ({ nodes }: ManagedCluster): number[] => nodes.map(({ pid }) => pid);

describe("a managed cluster", { timeout: 60_000 }, () => {
  it("is three masters on loopback behind a password that no command line shows, durable and without eviction", async () => {
    const dataDir = join(await newFolder(), "with a space");
    const cluster = await startCluster(dataDir);
    const { password } = new URL(cluster.url.split(",")[0]!);
    expect(cluster.url).toMatch(/^(redis:\/\/:\w{48}@127\.0\.0\.1:\d+(,|$)){3}$/);
    expect((await stat(join(dataDir, "cluster", "secret.conf"))).mode & 0o777).toBe(0o600);
    for (const pid of pidsOf(cluster)) {
      expect(await readFile(`/proc/${pid}/cmdline`, "utf8")).not.toContain(password);
    }
    const dirs = await ask(cluster, async (client) => {
      const settings = client.nodes("master").map(async (node) => {
        const names = ["appendonly", "maxmemory-policy", "bind", "dir"];
        const values = (await Promise.all(names.map((name) => node.config("GET", name)))) as string[][];
        return values.map(([, value]) => value).join(" ");
      });
      return Promise.all(settings);
    });
    expect(dirs.sort()).toEqual(
      [1, 2, 3].map((i) => `yes noeviction 127.0.0.1 ${join(dataDir, "cluster", `node-${i}`, "redis")}`),
    );
    const stranger = new Cluster([`redis://127.0.0.1:${new URL(cluster.url.split(",")[1]!).port}`], {
      clusterRetryStrategy: () => null,
      lazyConnect: true,
    });
    stranger.on("error", () => undefined);
    await expect(stranger.connect()).rejects.toThrow();
    stranger.disconnect();
  });

  it("keeps its data over stops and starts, on whatever ports, and leaves nothing running in between", async () => {
    const dataDir = await newFolder();
    const first = await startCluster(dataDir);
    await write(first);
    const pids = pidsOf(first);
    await Promise.all([first.stop(), first.stop()]);
    expect(await Promise.all(pids.map(isAlive))).toEqual([false, false, false]);
    expect(existsSync(join(dataDir, "rankwire.lock"))).toBe(false);
    const second = await startCluster(dataDir);
    expect(second.url).not.toBe(first.url);
    expect(await missing(second)).toEqual([]);
  });

  it("starts a master again that crashed, on the same port with its data", async () => {
    const cluster = await startCluster(await newFolder());
    await write(cluster);
    const before = pidsOf(cluster);
    process.kill(before[1]!, "SIGKILL");
    await until(() => pidsOf(cluster)[1] !== before[1]);
    expect(pidsOf(cluster).filter((pid) => before.includes(pid))).toEqual([before[0], before[2]]);
    // Until the others have heard of it, and it of them.
    await until(() =>
      missing(cluster).then(
        ({ length }) => length === 0,
        () => false,
      ),
    );
  });

  it("is given up when a master crashes too often", async () => {
    const cluster = await startCluster(await newFolder(), { maxRestarts: 0 });
    const fatal = new Promise<Error>((resolve) => cluster.onFatal(resolve));
    process.kill(pidsOf(cluster)[2]!, "SIGKILL");
    expect((await fatal).message).toContain("Redis crashed 1 times within a minute");
    await cluster.stop();
    expect(await Promise.all(pidsOf(cluster).map(isAlive))).toEqual([false, false, false]);
  });

  it("refuses a second instance on its folder, a single Redis or a cluster, and is refused by one", async () => {
    const dataDir = await newFolder();
    const cluster = await startCluster(dataDir);
    await expect(startCluster(dataDir)).rejects.toThrow(`already runs on ${dataDir}`);
    await expect(start(dataDir)).rejects.toThrow(`already runs on ${dataDir}`);
    expect(await missing(cluster)).toHaveLength(KEYS.length);
    await cluster.stop();
    await start(dataDir);
    await expect(startCluster(dataDir)).rejects.toThrow(`already runs on ${dataDir}`);
  });

  it("takes over the data of one whose Rankwire was killed, and ends what that one left running", async () => {
    const dataDir = await newFolder();
    const left = await leaveCluster(dataDir);
    expect(await Promise.all(left.pids.map(isAlive))).toEqual([true, true, true]);
    await write(left);
    const cluster = await startCluster(dataDir);
    expect(await Promise.all(left.pids.map(isAlive))).toEqual([false, false, false]);
    expect(await missing(cluster)).toEqual([]);
  });

  it("that cannot come up says why and leaves nothing running", async () => {
    const dataDir = await newFolder();
    await mkdir(join(dataDir, "cluster"), { recursive: true });
    await writeFile(join(dataDir, "cluster", "secret.conf"), "not a password\n");
    await expect(startCluster(dataDir)).rejects.toThrow("holds no password");
    await writeFile(join(dataDir, "cluster", "secret.conf"), "requirepass 0123456789abcdef\nnonsense yes\n");
    await expect(startCluster(dataDir)).rejects.toThrow(/did not start[\s\S]*nonsense/);
    expect(existsSync(join(dataDir, "rankwire.lock"))).toBe(false);
  });
});
