/** This machine: versions, open files, and the folder of the data. Looks only. */
import { constants } from "node:fs";
import { access, readFile, statfs } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { lockOwner } from "../../base/machine/instance-lock.ts";
import { OLDEST_NODE, VERSION } from "../../base/version.ts";
import type { Config } from "../../config.ts";
import { findServer } from "../../redis/managed/find-server.ts";
import { sizeText } from "../capacity-table.ts";
import { type Finding, findingsOf } from "./finding.ts";

const { ok, warning, problem } = findingsOf("machine");

/** Beside sockets: event streams, connections to Redis and the database, files. */
const SPARE_FILES = 200;
const SPACE_LOW = 1024 ** 3;
const SPACE_NONE = 100 * 1024 ** 2;

export async function checkMachine(config: Config): Promise<Finding[]> {
  const findings = [
    ok("rankwire", VERSION),
    nodeFinding(process.versions.node),
    await redisServer(config),
    openFilesFinding(await openFilesMax(), config),
    ...(await dataFolder(config)),
  ];
  return findings.filter((finding) => finding !== undefined);
}

export function nodeFinding(version: string): Finding {
  const isNew = version.localeCompare(OLDEST_NODE, "en", { numeric: true }) >= 0;
  if (isNew) return ok("node", version);
  return problem("node", `${version} is too old`, `Install Node ${OLDEST_NODE} or newer.`);
}

/** What the managed Redis is made of; undefined where another one is used. */
async function redisServer({ REDIS_URL, RANKWIRE_INSTALL }: Config): Promise<Finding | undefined> {
  if (REDIS_URL !== undefined) return undefined;
  try {
    const found = await findServer();
    if (found) return ok("redis-server", `${found.version} (${found.command})`);
  } catch (error) {
    return problem("redis-server", (error as Error).message, "Install a newer one, or set REDIS_URL.");
  }
  const change = "Install redis-server or valkey-server 7.0 or newer, or set REDIS_URL.";
  if (RANKWIRE_INSTALL === "never") return problem("redis-server", "there is none", change);
  return warning("redis-server", "there is none; the first start tries to install it", change);
}

/** The soft limit of processes that are started here; undefined where the system does not tell. */
async function openFilesMax(): Promise<number | undefined> {
  const text = await readFile("/proc/self/limits", "utf8").catch(() => "");
  const [, soft] = /^Max open files +(\w+)/m.exec(text) ?? [];
  return soft === "unlimited" ? Number.POSITIVE_INFINITY : soft === undefined ? undefined : Number(soft);
}

export function openFilesFinding(
  max: number | undefined,
  { SOCKETS_MAX, SSE_MAX, ROLES }: Pick<Config, "SOCKETS_MAX" | "SSE_MAX" | "ROLES">,
): Finding | undefined {
  if (max === undefined || !ROLES.includes("gateway")) return undefined;
  const wanted = SOCKETS_MAX + SSE_MAX + SPARE_FILES;
  if (max >= wanted) return ok("open files", `${max} a process, and the settings need ${wanted}`);
  const found = `${max} a process, but SOCKETS_MAX and SSE_MAX need ${wanted}`;
  return problem("open files", found, `Raise it (ulimit -n ${wanted}, LimitNOFILE=), or lower SOCKETS_MAX.`);
}

/** Made by the first start, so its parent counts where it is not there. */
async function dataFolder({ DATA_DIR }: Config): Promise<Finding[]> {
  const folder = resolve(DATA_DIR);
  const there = await nearestFolder(folder);
  const owner = await lockOwner(join(folder, "rankwire.lock"));
  const where = there === folder ? folder : `${folder}, which is not there yet`;
  const used = owner === undefined ? "" : `, in use by process ${owner}`;
  const mayWrite = await access(there, constants.W_OK).then(
    () => true,
    () => false,
  );
  const writable = mayWrite
    ? ok("DATA_DIR", `${where}${used}`)
    : problem(
        "DATA_DIR",
        `${there} cannot be written by this user`,
        "Give it to this user, or set another DATA_DIR.",
      );
  const { bavail, bsize } = await statfs(there);
  return [writable, spaceFinding(bavail * bsize)];
}

export function spaceFinding(free: number): Finding {
  const found = `${sizeText(free)} free for DATA_DIR`;
  if (free < SPACE_NONE) return problem("disk", found, "Make room: a full disk stops the managed Redis.");
  if (free < SPACE_LOW)
    return warning("disk", found, "Make room; `rankwire capacity` says what the data takes.");
  return ok("disk", found);
}

async function nearestFolder(folder: string): Promise<string> {
  for (let at = folder; ; at = dirname(at)) {
    const isThere = await access(at).then(
      () => true,
      () => false,
    );
    if (isThere || at === dirname(at)) return at;
  }
}
