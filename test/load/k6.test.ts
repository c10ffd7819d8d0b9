/** The load tests from end to end, small: where there is a k6, which `npm run load -- --prepare` builds if there is Go. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { SCENARIO_NAMES } from "../../loadtest/k6/lib/sizes.ts";
import { findK6 } from "../../loadtest/run/k6-binary.ts";
import type { Result } from "../../loadtest/run/result.ts";
import { ROOT } from "../style/sources.ts";
import { eventually } from "../support/eventually.ts";
import { ADMIN_KEY, SERVER_KEY, startServer } from "../support/servers.ts";
import { sharedRedisUrl } from "../support/shared-redis.ts";

const k6 = await findK6();
if (!k6)
  console.log("There is no k6 here: its scenarios are not run. `npm run load -- --prepare` says more.");

const folder = mkdtempSync(join(tmpdir(), "rankwire-load-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Run = { child: ChildProcess; said: () => string; ended: Promise<number | null> };

function load(args: string[], env: NodeJS.ProcessEnv = {}): Run {
  const child = spawn(process.execPath, ["--import", "tsx", "loadtest/run/main.ts", ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
  }
  return { child, said: () => said, ended: once(child, "close").then(([code]) => code as number | null) };
}

/** Of Redis, the server and k6, as they are announced. */
function pidsIn(said: string): number[] {
  return [...said.matchAll(/^(?:redis-server|server at|k6 run) .*, pid (\d+)$/gm)].map(([, pid]) =>
    Number(pid),
  );
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function resultIn(file: string): Result {
  return JSON.parse(readFileSync(file, "utf8")) as Result;
}

describe.runIf(k6)("npm run load", () => {
  it.each(SCENARIO_NAMES)("%s keeps its thresholds, writes its summary and leaves nothing running", {
    timeout: 120_000,
  }, async (scenario) => {
    const out = join(folder, `${scenario}.json`);
    const { said, ended } = load([scenario, "--quick", "--out", out]);
    expect(await ended, said()).toBe(0);
    const { metrics, ...result } = resultIn(out);
    expect(result).toMatchObject({ scenario, quick: true, passed: true, exitCode: 0, target: "started" });
    expect(result.k6).toBe(k6?.version);
    const judged = Object.values(metrics).flatMap(({ thresholds = {} }) => Object.values(thresholds));
    expect(judged.length).toBeGreaterThan(3);
    expect(judged.every(({ ok }) => ok)).toBe(true);
    const pids = pidsIn(said());
    expect(pids).toHaveLength(3);
    expect(pids.filter(isRunning)).toEqual([]);
  });

  it("loads a server that runs already, with the keys it is given", { timeout: 60_000 }, async () => {
    const server = await startServer(sharedRedisUrl());
    try {
      const args = ["ingest-server", "--quick", "--target", server.url, "--out", join(folder, "target.json")];
      const refused = load(args, { SERVER_KEY: "", ADMIN_KEY: "" });
      expect(await refused.ended).toBe(1);
      expect(refused.said()).toContain("--target needs the server's keys");
      const { said, ended } = load(args, { SERVER_KEY, ADMIN_KEY });
      expect(await ended, said()).toBe(0);
      expect(pidsIn(said())).toHaveLength(1);
      const { body } = await server.call<{ boards: { board: string }[] }>("GET", "/v1/boards");
      expect(body.boards.map(({ board }) => board)).toEqual([expect.stringMatching(/^load-ingest-server-/)]);
    } finally {
      await server.stop();
    }
  });

  it("ends with an error when a threshold is not kept, and says which", { timeout: 60_000 }, async () => {
    const out = join(folder, "impossible.json");
    const args = ["ingest-server", "--quick", "--threshold", "batch_ms:p(95)<0", "--out", out];
    const { said, ended } = load(args);
    expect(await ended).toBe(99);
    expect(said()).toContain("✗ p(95)<0");
    expect(resultIn(out)).toMatchObject({ passed: false, exitCode: 99 });
  });

  it("ends with an error when the server goes away under load", { timeout: 60_000 }, async () => {
    const { said, ended } = load(["fanout", "--quick", "--seconds", "5", "--out", join(folder, "gone.json")]);
    await eventually(() => expect(said()).toContain("running (02"), { withinMs: 30_000 });
    const server = Number(/^server at .*, pid (\d+)$/m.exec(said())?.[1]);
    process.kill(server, "SIGKILL");
    expect(await ended).not.toBe(0);
    expect(pidsIn(said()).filter(isRunning)).toEqual([]);
  });

  it("ends k6, the server and Redis on Ctrl-C", { timeout: 60_000 }, async () => {
    const { child, said, ended } = load(["ingest", "--quick", "--seconds", "600"]);
    await eventually(() => expect(said()).toContain("running ("), { withinMs: 30_000 });
    expect(pidsIn(said()).filter(isRunning)).toHaveLength(3);
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(pidsIn(said()).filter(isRunning)).toEqual([]);
  });
});

describe("the command line of npm run load", () => {
  const said = async (args: string[], env?: NodeJS.ProcessEnv): Promise<[number | null, string]> => {
    const run = load(args, env);
    return [await run.ended, run.said()];
  };

  it("lists the scenarios without a name", async () => {
    const [code, text] = await said([]);
    expect(code).toBe(0);
    for (const name of SCENARIO_NAMES) expect(text).toContain(name);
  });

  it.each([
    [["nothing"], "There is no scenario nothing"],
    [["ingest", "--players", "1000000"], "--players is a whole number"],
    [["ingest", "--watchers", "5"], "ingest has no --watchers"],
    [["ingest", "--target", "http://192.0.2.1:8080"], "load goes to this machine only"],
    [["ingest", "--threshold", "p(95)<1"], "--threshold is a metric and an expression"],
  ])("refuses %j", async (args, why) => {
    expect(await said(args)).toEqual([2, expect.stringContaining(why)]);
  });

  it("says why Go could not build k6, and leaves nothing half made", async () => {
    const bin = mkdtempSync(join(folder, "bin-"));
    writeFileSync(join(bin, "go"), "#!/bin/sh\necho 'no such module' >&2\nexit 1\n", { mode: 0o755 });
    const [code, text] = await said(["--prepare"], { PATH: bin, XDG_CACHE_HOME: bin, K6_PATH: "" });
    expect([code, text]).toEqual([1, expect.stringContaining("Go could not build k6:\nno such module")]);
    expect(readdirSync(join(bin, "rankwire", "k6-v2.2.0"))).toEqual([]);
  });

  it("says what to do where there is neither k6 nor Go, and refuses a K6_PATH that is not k6", async () => {
    const nothing = { PATH: folder, XDG_CACHE_HOME: folder, K6_PATH: "" };
    expect(await said(["ingest"], nothing)).toEqual([3, expect.stringContaining("Install k6")]);
    expect(await said(["--prepare"], nothing)).toEqual([0, expect.stringContaining("install Go")]);
    const [code, text] = await said(["ingest"], { ...nothing, K6_PATH: process.execPath });
    expect([code, text]).toEqual([1, expect.stringContaining("is not a k6")]);
  });
});
