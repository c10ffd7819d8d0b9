/** Where a managed Redis keeps its things, and what an earlier run may have left there. */
import { createHash } from "node:crypto";
import { chmod, lstat, mkdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { Log } from "../../base/log.ts";
import { describeProcess, endProcess, type ProcessEntry } from "./process-table.ts";
import { probeRedis } from "./redis-probe.ts";

/** All paths are absolute. `dir` holds Redis's data. */
export type DataFolder = { dataDir: string; dir: string; socket: string; pidFile: string; lockFile: string };

/** A unix socket's path has room for 103 bytes on macOS and 107 on Linux; beyond that the kernel refuses it. */
const SOCKET_BYTES_MAX = 103;
const PROBE_MS = 1_000;

/** Makes the folders, readable by this user only. @throws Error when the short folder for the socket is not ours */
export async function prepareDataFolder(given: string): Promise<DataFolder> {
  const dataDir = resolve(given);
  const dir = join(dataDir, "redis");
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await chmod(dir, 0o700);
  const socket = socketPath(dataDir);
  if (dirname(socket) !== dataDir) await makePrivate(dirname(socket));
  return { dataDir, dir, socket, pidFile: join(dir, "redis.pid"), lockFile: join(dataDir, "rankwire.lock") };
}

/**
 * In the folder itself; or, where that is too long for a socket, in a short one of the system's temporary folder that is
 * named by a hash of the long one, so that every start on the same DATA_DIR finds the same socket.
 */
function socketPath(dataDir: string): string {
  const name = `rankwire-${createHash("sha256").update(dataDir).digest("hex").slice(0, 16)}`;
  const folders = [dataDir, join(tmpdir(), name), join("/tmp", name)];
  const paths = folders.map((folder) => join(folder, "redis.sock"));
  return paths.find((path) => Buffer.byteLength(path) <= SOCKET_BYTES_MAX) ?? paths.at(-1)!;
}

/** In a folder that all users share, another may have been there first: then the socket would be theirs to replace. */
async function makePrivate(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = await lstat(folder).then((stat) => ({
    uid: stat.uid,
    mode: stat.isDirectory() ? stat.mode & 0o777 : -1,
  }));
  if (uid === process.getuid?.() && mode === 0o700) return;
  throw new Error(
    `${folder}, for the socket, belongs to somebody else. Remove it, or set a shorter DATA_DIR.`,
  );
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
