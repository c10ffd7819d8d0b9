import { spawnSync } from "node:child_process";
import { mkdtemp, readFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { createClient, type RankwireClient, type TopSnapshot } from "../../client-sdk/index.ts";
import { freePortFrom } from "../../demo/free-port.ts";
import { playerNames } from "../../demo/names.ts";
import { testRunFolder } from "../support/shared-redis.ts";
import { DemoProcess, isAlive } from "./demo-process.ts";

const PLAYERS = 60;
const CROWD = 200;
const START = { timeout: 40_000, interval: 50 };

let demo: DemoProcess | undefined;
let client: RankwireClient | undefined;
let squatter: Server | undefined;

afterEach(() => {
  client?.close();
  squatter?.close();
  demo?.kill();
});

const newFolder = (): Promise<string> => mkdtemp(join(testRunFolder(), "demo-"));

function startDemo(command: string, dataDir: string, port: number): DemoProcess {
  const settings = { DATA_DIR: dataDir, PORT: `${port}`, PLAYERS: `${PLAYERS}`, CROWD: `${CROWD}` };
  demo = new DemoProcess(command, settings);
  return demo;
}

const pidIn = async (file: string): Promise<number> => Number(await readFile(file, "utf8"));

/** Resolves when everybody is on the board, its order has changed twice since, and a player's own rank has moved. */
async function seesPlayersMove(url: string): Promise<void> {
  client?.close();
  client = createClient({ url });
  const seen: TopSnapshot[] = [];
  const top = client.board("arcade").top({ limit: PLAYERS });
  top.subscribe(() => seen.push(top.getSnapshot()));
  await expect.poll(() => seen.at(-1)?.total, START).toBe(PLAYERS + CROWD);
  const ordersSeen = () => new Set(seen.map(({ entries }) => entries.map(({ member }) => member).join()));
  const before = ordersSeen().size;
  await expect.poll(() => ordersSeen().size, START).toBeGreaterThan(before + 1);
  const ranks = new Set<number | null | undefined>();
  const me = client.board("arcade").me(playerNames(1)[0]);
  me.subscribe(() => ranks.add(me.getSnapshot().standing?.rank));
  await expect.poll(() => ranks.size, START).toBeGreaterThan(2);
}

it("warns under its banner by one line, with the cause and no stack", () => {
  const script = `
    import { createLog } from "./server/base/log.ts";
    const log = createLog({ level: "warn", pretty: true, stacks: false });
    log.warn({ err: new Error("no answer", { cause: new Error("Socket timeout") }) }, "feed");
    log.warn({ err: "as text" }, "redis connection");`;
  const args = ["--import", "tsx", "--input-type=module", "-e", script];
  const { stdout } = spawnSync(process.execPath, args, { encoding: "utf8" });
  const lines = stdout.trimEnd().split("\n");
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/WARN.*feed.*no answer: Socket timeout/);
  expect(lines[1]).toContain("as text");
});

describe("npm run demo", { timeout: 120_000 }, () => {
  it("serves a board on which players move, and leaves nothing running after Ctrl-C", async () => {
    const dataDir = await newFolder();
    const port = await freePortFrom(28_080, "127.0.0.1");
    squatter = await listen(port);
    const running = startDemo("npm run demo", dataDir, port);
    await expect.poll(() => running.output, START).toMatch(/Open +http:\S+ +\(port \d+ is taken\)/);
    expect(running.url).not.toBe(`http://127.0.0.1:${port}`);
    expect(await (await fetch(running.url)).text()).toContain("<title>Rankwire</title>");
    await seesPlayersMove(running.url);
    const redisPid = await pidIn(join(dataDir, "redis", "redis.pid"));
    expect(isAlive(redisPid)).toBe(true);
    await running.interrupt();
    expect(running.output).toContain("Stopping players and server");
    expect([running.isAlive, isAlive(redisPid)]).toEqual([false, false]);
  });

  it("does the same on a cluster of three masters of its own, through the crash of one, and at the next start", async () => {
    const dataDir = await newFolder();
    const first = startDemo("npm run demo -- --cluster", dataDir, 0);
    await expect.poll(() => first.output, START).toMatch(/Data .*, on 3 Redis masters; delete it/);
    await seesPlayersMove(first.url);
    const pidFiles = [1, 2, 3].map((i) => join(dataDir, "cluster", `node-${i}`, "redis", "redis.pid"));
    const pids = await Promise.all(pidFiles.map(pidIn));
    expect(pids.map(isAlive)).toEqual([true, true, true]);
    process.kill(pids[1]!, "SIGKILL");
    await expect.poll(() => pidIn(pidFiles[1]!), START).not.toBe(pids[1]);
    await seesPlayersMove(first.url);
    pids[1] = await pidIn(pidFiles[1]!);
    await first.interrupt();
    expect([first.isAlive, ...pids.map(isAlive)]).toEqual([false, false, false, false]);

    const second = startDemo("npm run demo -- --cluster", dataDir, 0);
    await expect.poll(() => second.url, START).not.toBe("");
    const { total } = (await (await fetch(`${second.url}/v1/boards/arcade/top?limit=1`)).json()) as {
      total: number;
    };
    expect(total).toBe(PLAYERS + CROWD);
    await second.interrupt();
  });

  it.each([
    ["a setting", "", 99_999, "Settings are wrong"],
    ["an option", " --clutser", 0, "Unknown option '--clutser'"],
  ])("says what is wrong with %s, and ends", async (_, option, port, message) => {
    const ended = startDemo(`node --import tsx demo/main.ts${option}`, await newFolder(), port);
    expect(await ended.exited).toBe(1);
    expect(ended.output).toContain(`The demo could not start: ${message}`);
  });
});

function listen(port: number): Promise<Server> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}
