/**
 * `npm run demo`: a server with its own Redis, the page, a few hundred players and a crowd; with `-- --cluster` on a Redis Cluster of its
 * own. Ctrl-C leaves nothing running.
 */
import { relative } from "node:path";
import { leaveOnSignal } from "../server/base/leave-on-signal.ts";
import { createLog } from "../server/base/log.ts";
import { compose, type Running } from "../server/compose.ts";
import type { Config } from "../server/config.ts";
import { gatherCrowd } from "./crowd.ts";
import { type DemoSettings, readSettings } from "./demo-settings.ts";
import { playerNames } from "./names.ts";
import { Players, playerOfSkill } from "./players.ts";
import { DemoProfiles } from "./profiles.ts";

const BOARD = "arcade";
/** Whom the crowd surrounds: the link to follow somebody leads to a player with as much. */
const FOLLOWED_SKILL = 10_300;

type Demo = { running: Running; players: Players; profiles: DemoProfiles };

async function startDemo({ config, players: count, crowd }: DemoSettings): Promise<Demo> {
  // Under the banner a slow Redis deserves a line, and no page.
  const stacks = ["debug", "trace"].includes(config.LOG_LEVEL);
  const log = createLog({ level: config.LOG_LEVEL, pretty: config.LOG_PRETTY, stacks });
  const running = await compose(config, {
    log,
    say: (line) => console.log(line),
    onFatal: (error) => {
      console.error(`The demo cannot go on: ${error.message}`);
      leave(1);
    },
  });
  const game = { url: urlOf(config, running), serverKey: config.SERVER_KEY as string, board: BOARD };
  const names = playerNames(count + crowd);
  // A server without its players would go on alone: whatever fails here ends it too.
  await gatherCrowd({ ...game, members: names.slice(count) }).catch(async (error: unknown) => {
    await running.stop();
    throw error;
  });
  const profiles = new DemoProfiles({
    ...game,
    members: names,
    players: count,
    onError: (error) => log.warn({ err: error }, "profiles are in trouble"),
  });
  profiles.start();
  const players = new Players({
    ...game,
    names: names.slice(0, count),
    onError: (error) => log.warn({ err: error }, "a player is in trouble"),
  });
  return { running, players, profiles };
}

/** For this machine's own use: an address that stands for every interface is none to open. */
function urlOf({ HOST }: Config, { port }: Running): string {
  if (["0.0.0.0", "::"].includes(HOST)) return `http://localhost:${port}`;
  return `http://${HOST.includes(":") ? `[${HOST}]` : HOST}:${port}`;
}

function banner({ config, players, crowd, askedPort }: DemoSettings, running: Running): string {
  const url = urlOf(config, running);
  const taken = askedPort !== 0 && askedPort !== running.port ? `   (port ${askedPort} is taken)` : "";
  const data = relative("", config.DATA_DIR) || ".";
  const masters = config.MANAGED_NODES > 1 ? `, on ${config.MANAGED_NODES} Redis masters` : "";
  return [
    "",
    "  Rankwire is running.",
    "",
    `    Open     ${url}${taken}`,
    `    Players  ${players} simulated ones, each on a socket of its own (PLAYERS=1000 npm run demo)`,
    `    Crowd    ${crowd} quiet members whom they pass (CROWD=0 for none)`,
    `    Follow   ${url}/?follow=${playerOfSkill(players, FOLLOWED_SKILL)}`,
    `    API      ${url}/v1/boards/${BOARD}/top?limit=3`,
    `    Data     ${config.REDIS_URL === undefined ? `${data}${masters}; delete it to start over` : config.REDIS_URL}`,
    "    Stop     Ctrl-C",
    "",
  ].join("\n");
}

let starting: Promise<Demo> | undefined;
let isLeaving = false;

function leave(exitCode: number): void {
  if (isLeaving) return;
  isLeaving = true;
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
  await Promise.all([demo?.players.stop(), demo?.profiles.stop()]);
  return (await demo?.running.stop()) ?? [];
}

leaveOnSignal(() => {
  console.log("\nStopping players and server. Ctrl-C again to force.");
  leave(0);
});

try {
  const settings = await readSettings(process.argv.slice(2), process.env);
  starting = startDemo(settings);
  const { running, players } = await starting;
  if (!isLeaving) {
    console.log(banner(settings, running));
    await players.start();
  }
} catch (error) {
  console.error(`The demo could not start: ${(error as Error).message}`);
  if (!isLeaving) process.exit(1);
}
