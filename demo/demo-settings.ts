/** What can be set of the demo: all of the server's settings, PLAYERS, CROWD and `--cluster`. */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { newId } from "../server/base/ids.ts";
import { type Config, parseConfig } from "../server/config.ts";
import { freePortFrom } from "./free-port.ts";
import { NAMES_MAX } from "./names.ts";

export type DemoSettings = {
  config: Config;
  players: number;
  /** Members who do not play. */
  crowd: number;
  /** The port in `config` is another one when this is taken. */
  askedPort: number;
};

const PLAYERS_DEFAULT = 300;
const CROWD_DEFAULT = 20_000;

/** @throws Error for people, about what is wrong */
export async function readSettings(
  args: string[],
  given: Record<string, string | undefined>,
): Promise<DemoSettings> {
  const { values } = parseArgs({ args, options: { cluster: { type: "boolean", default: false } } });
  const env: Record<string, string | undefined> = {
    DATA_DIR: ".rankwire/demo",
    LOG_LEVEL: "warn",
    LOG_PRETTY: "true",
    // All players come from this machine.
    CONNECTIONS_PER_SECOND: "1000",
    CONNECTIONS_BURST: "50000",
    ...given,
    // Keys of this run alone: nobody else needs to know them.
    ADMIN_KEY: given.ADMIN_KEY || newId(),
    SERVER_KEY: given.SERVER_KEY || newId(),
    ...(values.cluster ? { MANAGED_NODES: "3" } : {}),
    BOARDS_FILE: fileURLToPath(new URL("boards.json", import.meta.url)),
  };
  const { HOST, PORT: askedPort } = parseConfig(env);
  if (values.cluster && env.REDIS_URL) {
    throw new Error(
      "--cluster runs a Redis Cluster of its own, and REDIS_URL names another Redis. Unset one.",
    );
  }
  const players = wholeNumber("PLAYERS", env.PLAYERS, PLAYERS_DEFAULT, 1, NAMES_MAX);
  const left = NAMES_MAX - players;
  const crowd = wholeNumber("CROWD", env.CROWD, Math.min(CROWD_DEFAULT, left), 0, left);
  const port = await freePortFrom(askedPort, HOST);
  return { config: parseConfig({ ...env, PORT: String(port) }), players, crowd, askedPort };
}

function wholeNumber(
  name: string,
  given: string | undefined,
  initial: number,
  min: number,
  max: number,
): number {
  const value = Number(given || initial);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Error(`${name} is a whole number from ${min} to ${max}, not "${given}".`);
}
