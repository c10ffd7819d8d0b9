/** `npm run demo`: a server with its own Redis, the page, and a few hundred players. Ctrl-C leaves nothing running. */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { createLog } from "../server/base/log.ts";
import { compose, type Running } from "../server/compose.ts";
import { type Config, parseConfig } from "../server/config.ts";
import { freePortFrom } from "./free-port.ts";
import { NAMES_MAX } from "./names.ts";
import { Players } from "./players.ts";

const BOARD = "arcade";
const PLAYERS_DEFAULT = 300;
/** One key press may arrive twice, from the terminal and handed on by npm: that is not a second Ctrl-C. */
const SAME_PRESS_MS = 500;

type Settings = { config: Config; players: number; askedPort: number };
type Demo = { running: Running; players: Players };

async function readSettings(): Promise<Settings> {
  const env: Record<string, string | undefined> = {
    DATA_DIR: ".rankwire/demo",
    LOG_LEVEL: "warn",
    LOG_PRETTY: "true",
    ...process.env,
    BOARDS_FILE: fileURLToPath(new URL("boards.json", import.meta.url)),
  };
  const { HOST, PORT: askedPort } = parseConfig(env);
  const players = Number(env.PLAYERS || PLAYERS_DEFAULT);
  if (!Number.isInteger(players) || players < 1 || players > NAMES_MAX) {
    throw new Error(`PLAYERS is a whole number from 1 to ${NAMES_MAX}, not "${env.PLAYERS}".`);
  }
  const port = await freePortFrom(askedPort, HOST);
  return { config: parseConfig({ ...env, PORT: String(port) }), players, askedPort };
}

async function startDemo({ config, players: count }: Settings): Promise<Demo> {
  const log = createLog({ level: config.LOG_LEVEL, pretty: config.LOG_PRETTY });
  const running = await compose(config, {
    log,
    say: (line) => console.log(line),
    onFatal: (error) => {
      console.error(`The demo cannot go on: ${error.message}`);
      leave(1);
    },
  });
  const players = new Players({
    url: urlOf(config, running),
    serverKey: running.keys.serverKey,
    board: BOARD,
    count,
    onError: (error) => log.warn({ err: error }, "a player is in trouble"),
  });
  return { running, players };
}

/** For this machine's own use: an address that stands for every interface is none to open. */
function urlOf({ HOST }: Config, { port }: Running): string {
  if (["0.0.0.0", "::"].includes(HOST)) return `http://localhost:${port}`;
  return `http://${HOST.includes(":") ? `[${HOST}]` : HOST}:${port}`;
}

function banner({ config, players, askedPort }: Settings, running: Running): string {
  const url = urlOf(config, running);
  const taken = askedPort !== 0 && askedPort !== running.port ? `   (port ${askedPort} is taken)` : "";
  const data = relative("", config.DATA_DIR) || ".";
  return [
    "",
    "  Rankwire is running.",
    "",
    `    Open     ${url}${taken}`,
    `    Players  ${players} simulated ones, each on a socket of its own (PLAYERS=1000 npm run demo)`,
    `    API      ${url}/v1/boards/${BOARD}/top?limit=3`,
    `    Data     ${config.REDIS_URL === undefined ? `${data}; delete it to start over` : config.REDIS_URL}`,
    "    Stop     Ctrl-C",
    "",
  ].join("\n");
}

let starting: Promise<Demo> | undefined;
let leavingSince: number | undefined;

function leave(exitCode: number): void {
  if (leavingSince !== undefined) return;
  leavingSince = performance.now();
  stopAll().then(
    (late) => process.exit(late.length > 0 ? 1 : exitCode),
    (error: unknown) => {
      console.error("The demo did not stop cleanly:", error);
      process.exit(1);
    },
  );
}

/** Players first, then the server's parts in reverse order, its Redis last. A start under way is waited for. */
async function stopAll(): Promise<string[]> {
  const demo = await starting?.catch(() => undefined);
  await demo?.players.stop();
  return (await demo?.running.stop()) ?? [];
}

function onSignal(): void {
  if (leavingSince === undefined) {
    console.log("\nStopping players and server. Ctrl-C again to force.");
    leave(0);
  } else if (performance.now() - leavingSince > SAME_PRESS_MS) {
    console.error("Forced.");
    process.exit(130);
  }
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, onSignal);

try {
  const settings = await readSettings();
  starting = startDemo(settings);
  const { running, players } = await starting;
  if (leavingSince === undefined) {
    console.log(banner(settings, running));
    await players.start();
  }
} catch (error) {
  console.error(`The demo could not start: ${(error as Error).message}`);
  if (leavingSince === undefined) process.exit(1);
}
