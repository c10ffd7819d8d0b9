/** What ends with a server that is told to stop, however it is told. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, it } from "vitest";
import { type ChildServer, startChildServer } from "../support/child-server.ts";
import { eventually } from "../support/eventually.ts";
import { isAlive } from "../web/demo-process.ts";

let server: ChildServer | undefined;
let group: number | undefined;
afterEach(async () => {
  await server?.kill();
  // After a test that has failed.
  if (group !== undefined && isAlive(-group)) process.kill(-group, "SIGKILL");
});

const redisPidOf = ({ logged }: ChildServer): number =>
  Number(logged.find(({ msg }) => msg === "redis is running")?.redisPid);

describe("a server with a Redis of its own", { timeout: 30_000 }, () => {
  it("stops both when its terminal is closed", async () => {
    server = await startChildServer(undefined, {});
    const redisPid = redisPidOf(server);
    expect(isAlive(redisPid)).toBe(true);
    server.signal("SIGHUP");
    expect(await server.exited).toBe(0);
    expect(isAlive(redisPid)).toBe(false);
  });

  it("takes a Ctrl-C that arrives twice, from the terminal and from npm, for one", async () => {
    server = await startChildServer(undefined, {});
    const redisPid = redisPidOf(server);
    server.signal("SIGINT");
    const stopping = (): void =>
      expect(server!.logged).toContainEqual(expect.objectContaining({ msg: "stopping" }));
    await eventually(stopping, { everyMs: 1 });
    server.signal("SIGINT");
    expect(await server.exited).toBe(0);
    expect(isAlive(redisPid)).toBe(false);
  });

  it("stops when npm, which started it, is told to", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "rankwire-npm-"));
    const env = { ...process.env, NODE_ENV: "test", REDIS_URL: "", PORT: "0", DATA_DIR: dataDir };
    // Without building the page: other tests look at it.
    const args = ["start", "--ignore-scripts"];
    const npm = spawn("npm", args, { env, stdio: ["ignore", "pipe", "inherit"], detached: true });
    group = npm.pid;
    const closed = once(npm, "close");
    let redisPid = 0;
    for await (const line of createInterface({ input: npm.stdout })) {
      redisPid ||= Number(/"redisPid":(\d+)/.exec(line)?.[1] ?? 0);
      if (line.includes("rankwire is ready")) npm.kill("SIGTERM");
    }
    // The last of them has closed its output.
    await closed;
    await eventually(() => expect([redisPid > 0, isAlive(redisPid)]).toEqual([true, false]));
    rmSync(dataDir, { recursive: true, force: true });
  });
});
