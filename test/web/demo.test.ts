import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { createClient, type RankwireClient, type TopSnapshot } from "../../client-sdk/index.ts";
import { freePortFrom } from "../../demo/free-port.ts";
import { testRunFolder } from "../support/shared-redis.ts";

const PLAYERS = 60;
const START = { timeout: 30_000, interval: 50 };

describe("npm run demo", () => {
  let demo: ChildProcess | undefined;
  let client: RankwireClient | undefined;
  let squatter: Server | undefined;
  let output = "";

  afterEach(() => {
    client?.close();
    squatter?.close();
    if (demo?.pid !== undefined && isAlive(-demo.pid)) process.kill(-demo.pid, "SIGKILL");
  });

  /** In a process group of its own, as a terminal would start it. */
  function startDemo(command: string, dataDir: string, port: number): ChildProcess {
    const { NODE_ENV: _, ...inherited } = process.env;
    const env = { ...inherited, DATA_DIR: dataDir, PORT: String(port), PLAYERS: String(PLAYERS) };
    const [file = "", ...args] = command.split(" ");
    const child = spawn(file, args, { env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    return child;
  }

  it("serves a board on which players move, and leaves nothing running after Ctrl-C", async () => {
    const dataDir = await mkdtemp(join(testRunFolder(), "demo-"));
    const port = await freePortFrom(28_080, "127.0.0.1");
    squatter = await listen(port);
    demo = startDemo("npm run demo", dataDir, port);
    const exited = new Promise((resolve) => demo?.once("close", resolve));

    await expect.poll(() => output, START).toMatch(/Open +http:\S+ +\(port \d+ is taken\)/);
    const url = /Open +(http:\S+)/.exec(output)?.[1] ?? "";
    expect(url).not.toBe(`http://127.0.0.1:${port}`);
    expect(await (await fetch(url)).text()).toContain("<title>Rankwire</title>");

    client = createClient({ url });
    const seen: TopSnapshot[] = [];
    const top = client.board("arcade").top({ limit: PLAYERS });
    top.subscribe(() => seen.push(top.getSnapshot()));
    await expect.poll(() => seen.at(-1)?.entries.length, START).toBe(PLAYERS);
    const ordersSeen = () => new Set(seen.map(({ entries }) => entries.map(({ member }) => member).join()));
    const before = ordersSeen().size;
    await expect.poll(() => ordersSeen().size, START).toBeGreaterThan(before + 1);

    const redisPid = Number(await readFile(join(dataDir, "redis", "redis.pid"), "utf8"));
    expect(isAlive(redisPid)).toBe(true);
    process.kill(-demo.pid!, "SIGINT");
    await exited;
    expect(output).toContain("Stopping players and server");
    expect(isAlive(-demo.pid!)).toBe(false);
    expect(isAlive(redisPid)).toBe(false);
  }, 60_000);

  it("says what is wrong with a setting, and ends", async () => {
    output = "";
    const dataDir = await mkdtemp(join(testRunFolder(), "demo-"));
    demo = startDemo("node --import tsx demo/main.ts", dataDir, 99_999);
    const code = await new Promise((resolve) => demo?.once("close", resolve));
    expect(code).toBe(1);
    expect(output).toContain("The demo could not start: Settings are wrong");
  }, 60_000);
});

/** @param pid below 0: of the process group */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function listen(port: number): Promise<Server> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}
