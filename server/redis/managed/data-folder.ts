/** Where a managed Redis keeps its things, and what an earlier run may have left there. */
import { chmod, mkdir, readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Log } from "../../base/log.ts";
import { describeProcess, endProcess, type ProcessEntry } from "../../base/machine/process-table.ts";
import { privateSocketPath } from "../../base/machine/socket-folder.ts";
import { probeRedis } from "./redis-probe.ts";

/** All paths are absolute. `dir` holds Redis's data. */
export type DataFolder = { dataDir: string; dir: string; socket: string; pidFile: string; lockFile: string };

const PROBE_MS = 1_000;

/** Makes the folders, readable by this user only. @throws Error when the short folder for the socket is not ours */
export async function prepareDataFolder(given: string): Promise<DataFolder> {
  const dataDir = resolve(given);
  const dir = join(dataDir, "redis");
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await chmod(dir, 0o700);
  const socket = await privateSocketPath(dataDir, "redis.sock");
  return { dataDir, dir, socket, pidFile: join(dir, "redis.pid"), lockFile: join(dataDir, "rankwire.lock") };
}

/**
 * The Redis of an earlier run whose Rankwire is gone; undefined when there is none.
 * @throws Error when one answers that is not to be seen from here, as from another container on the same volume
 */
export async function findOrphan(
  { socket, pidFile, dataDir }: DataFolder,
  password?: string,
): Promise<ProcessEntry | undefined> {
  const probe = await probeRedis({ path: socket }, PROBE_MS, password);
  const pid = "pid" in probe ? probe.pid : await readPid(pidFile);
  const entry = pid === undefined ? undefined : await describeProcess(pid);
  // Redis shows its socket in its command line: the pid alone may belong to anybody by now.
  if (entry?.command.includes(socket)) return entry;
  if (probe.state === "absent") return undefined;
  throw new Error(
    `A Redis that this process cannot see${pid === undefined ? "" : ` (process ${pid} there)`} answers on ${socket}. ` +
      `Does another container use ${dataDir}? Stop it first, or set another DATA_DIR.`,
  );
}

/** Ends what `findOrphan` finds, so that its data is on disk, and removes the socket that nobody serves. */
export async function clearLeftovers(
  folder: DataFolder,
  deadlineMs: number,
  log: Log,
  password?: string,
): Promise<void> {
  const orphan = await findOrphan(folder, password);
  if (orphan) {
    log.warn(
      { redisPid: orphan.pid },
      "stopping the redis that an earlier run left behind; its data is kept",
    );
    await endProcess(orphan, deadlineMs);
  }
  await rm(folder.socket, { force: true });
  await rm(folder.pidFile, { force: true });
}

async function readPid(file: string): Promise<number | undefined> {
  try {
    const pid = Number.parseInt(await readFile(file, "utf8"), 10);
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}
