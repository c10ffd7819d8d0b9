/** Before all tests: a redis-server on this machine, one that runs for all, and a folder that goes when they are over. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";
import { describeProcess, endProcess } from "../../server/base/machine/process-table.ts";
import { ensureServer } from "../../server/redis/managed/install-server.ts";
import { startTestRedis } from "./redis.ts";

const TESTS = fileURLToPath(new URL("..", import.meta.url));
const PREFIX = "rankwire-test-";

/** @returns what vitest calls after the last test */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await ensureServer({ install: "auto", say: (line) => console.log(line) });
  await removeDeadRuns();
  const folder = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
  const files = await testFiles();
  const redis = await startTestRedis({ root: folder, args: ["--databases", String(files.length + 1)] });
  project.provide("redisUrl", redis.url);
  project.provide("databases", Object.fromEntries(files.map((file, i) => [file, i + 1])));
  project.provide("testRunFolder", folder);
  return async () => {
    await redis.stop();
    await removeRun(folder);
  };
}

async function testFiles(): Promise<string[]> {
  const names = await readdir(TESTS, { recursive: true });
  return names.filter((name) => name.endsWith(".test.ts")).map((name) => join(TESTS, name));
}

/** What runs that were killed have left behind: the folder's name says whose it is. */
async function removeDeadRuns(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const owner = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (owner && !(await describeProcess(Number(owner)))) await removeRun(join(tmpdir(), name));
  }
}

/** A worker that was killed could not end its own Redis processes; each has its pid file in the folder. */
async function removeRun(folder: string): Promise<void> {
  const files = await readdir(folder, { recursive: true });
  for (const file of files.filter((name) => name.endsWith("redis.pid"))) {
    const pid = Number.parseInt(await readFile(join(folder, file), "utf8").catch(() => ""), 10);
    const entry = pid > 0 ? await describeProcess(pid) : undefined;
    // The folder is in the title of every Redis of the run: the pid alone may belong to anybody by now.
    if (entry?.command.includes(folder)) await endProcess(entry, 2_000);
  }
  await rm(folder, { recursive: true, force: true });
}
