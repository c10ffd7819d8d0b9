/** Finds a redis-server or valkey-server that is new enough. */
import { delimiter, join } from "node:path";
import { runCommand } from "../../base/machine/system.ts";

/** The oldest command set that our scripts keep to. */
export const OLDEST_VERSION = "7.0.0";

/** `command` is an absolute path, or a name that PATH resolves. */
export type FoundServer = { command: string; version: string };

export type WhereToLook = {
  /** In place of PATH. */
  path?: string;
  /** Folders to look into after PATH. */
  places?: readonly string[];
};

const PROGRAMS = ["redis-server", "valkey-server"];
/** Where packages put servers although an ordinary user's PATH may not say so. */
const PLACES = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/opt/homebrew/bin"];
const VERSION_TIMEOUT_MS = 10_000;

/**
 * The first server that is new enough; undefined when there is none at all.
 * @throws Error naming each server that was found when all are too old
 */
export async function findServer({
  path,
  places = PLACES,
}: WhereToLook = {}): Promise<FoundServer | undefined> {
  const tooOld: FoundServer[] = [];
  for (const command of candidates(path, places)) {
    const version = await versionOf(command);
    if (version === undefined) continue;
    if (isNewEnough(version)) return { command, version };
    tooOld.push({ command, version });
  }
  if (tooOld.length === 0) return undefined;
  const found = tooOld.map(({ command, version }) => `${command} is ${version}`).join(", ");
  throw new Error(
    `Redis ${OLDEST_VERSION} or newer is needed, but ${found}. ` +
      "Install a newer one (https://packages.redis.io has packages for old systems), or set REDIS_URL.",
  );
}

/** True for `OLDEST_VERSION` and everything after it. @param version such as `7.0.15` */
export function isNewEnough(version: string): boolean {
  return version.localeCompare(OLDEST_VERSION, "en", { numeric: true }) >= 0;
}

function candidates(path: string | undefined, places: readonly string[]): string[] {
  const inFolders = (folders: readonly string[], program: string): string[] =>
    folders.filter((folder) => folder !== "").map((folder) => join(folder, program));
  return PROGRAMS.flatMap((program) => [
    // Without a PATH of our own the bare name is enough: starting a process searches the real one.
    ...(path === undefined ? [program] : inFolders(path.split(delimiter), program)),
    ...inFolders(places, program),
  ]);
}

async function versionOf(command: string): Promise<string | undefined> {
  const { code, output } = await runCommand([command, "--version"], VERSION_TIMEOUT_MS);
  return code === 0 ? /\bserver v=(\d+\.\d+\.\d+)/i.exec(output)?.[1] : undefined;
}
