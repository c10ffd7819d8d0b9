/** Where k6 is: named, on the PATH, or built by us once with Go and kept in the user's cache folder. */
import { spawn } from "node:child_process";
import { access, constants, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import type { OwnedProcesses } from "../processes/owned-processes.ts";

export type K6 = { path: string /** The line that it says of itself. */; version: string };

export const K6_VERSION = "2.2.0";
/** Before that, WebSockets were experimental under another name. */
const LEAST: readonly [major: number, minor: number] = [1, 6];
const MODULE = "go.k6.io/k6/v2";
const ANSWER_MS = 20_000;
const BUILD_MS = 600_000;

export const HOW_TO_GET_K6 = `There is no k6. Install k6 ${K6_VERSION} and put it on the PATH or name it in K6_PATH, or install Go 1.25 or later: then it is built on the next run.`;

/** Nothing of a load test goes to the internet. */
export function k6Environment(): NodeJS.ProcessEnv {
  return { ...process.env, K6_AUTO_EXTENSION_RESOLUTION: "false", K6_NO_USAGE_REPORT: "true" };
}

/** @throws when K6_PATH names something that is not a k6 we can use: another one would be a surprise */
export async function findK6(): Promise<K6 | undefined> {
  const named = process.env.K6_PATH;
  if (named) {
    const k6 = await askK6(named);
    if (!k6) throw new Error(`K6_PATH=${named} is not a k6 of version ${LEAST.join(".")} or later.`);
    return k6;
  }
  for (const path of [...onPath("k6"), built()]) {
    const k6 = (await isExecutable(path)) ? await askK6(path) : undefined;
    if (k6) return k6;
  }
  return undefined;
}

/** @returns undefined when there is neither k6 nor Go. @throws when Go cannot build it */
export async function ensureK6(owned: OwnedProcesses, say: (line: string) => void): Promise<K6 | undefined> {
  const found = await findK6();
  if (found) return found;
  const go = await firstExecutable(onPath("go"));
  if (!go) return undefined;
  say(`Building k6 ${K6_VERSION} with Go into ${cacheFolder()}, once; this takes one to five minutes…`);
  await build(owned, go);
  return findK6();
}

function cacheFolder(): string {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  return join(cache, "rankwire", `k6-v${K6_VERSION}`);
}

function built(): string {
  return join(cacheFolder(), "k6");
}

/**
 * In a module of its own that only names k6: `go install` would look for k6's retractions at its home, and needs more than the
 * module proxy. Renamed into place when it is whole, so that two runs at once do not meet.
 */
async function build(owned: OwnedProcesses, go: string): Promise<void> {
  await mkdir(cacheFolder(), { recursive: true });
  const folder = await mkdtemp(join(cacheFolder(), "build-"));
  try {
    await writeFile(
      join(folder, "go.mod"),
      `module loadtest\n\ngo 1.25\n\nrequire ${MODULE} v${K6_VERSION}\n`,
    );
    const env = { ...process.env, GOFLAGS: `${process.env.GOFLAGS ?? ""} -mod=mod`.trim(), GOWORK: "off" };
    const child = spawn(go, ["build", "-o", "k6", MODULE], {
      cwd: folder,
      env,
      stdio: ["ignore", "ignore", "pipe"],
    });
    owned.add(child);
    const { code, stderr } = await outcome(child, BUILD_MS);
    if (code !== 0)
      throw new Error(`Go could not build k6:\n${stderr.trim().split("\n").slice(-5).join("\n")}`);
    await rename(join(folder, "k6"), built());
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function askK6(path: string): Promise<K6 | undefined> {
  const child = spawn(path, ["version"], { env: k6Environment(), stdio: ["ignore", "pipe", "pipe"] });
  const { code, stdout } = await outcome(child, ANSWER_MS);
  const version = stdout.trim().split("\n")[0] ?? "";
  const [, major, minor] = /^k6(?:\.exe)? v(\d+)\.(\d+)\./.exec(version) ?? [];
  if (code !== 0 || major === undefined) return undefined;
  const isNewEnough = Number(major) > LEAST[0] || (Number(major) === LEAST[0] && Number(minor) >= LEAST[1]);
  return isNewEnough ? { path, version } : undefined;
}

type Outcome = { code: number | null; stdout: string; stderr: string };

/** Resolves also when the command cannot be started; ends one that takes too long. */
function outcome(child: ReturnType<typeof spawn>, withinMs: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const said = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream]?.on("data", (chunk: Buffer) => {
        said[stream] += chunk.toString();
      });
    }
    const timer = setTimeout(() => child.kill("SIGKILL"), withinMs);
    const end = (code: number | null): void => {
      clearTimeout(timer);
      resolve({ code, ...said });
    };
    child.once("error", (error) => {
      said.stderr += error.message;
      end(null);
    });
    child.once("close", end);
  });
}

function onPath(name: string): string[] {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, name));
}

async function firstExecutable(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await isExecutable(path)) return path;
  return undefined;
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
