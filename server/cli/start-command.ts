/** `rankwire start`: the server of `server/main.ts`, in this process. Options stand for settings; the page is served where it was built. */
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { overrideEnvironment } from "../config.ts";

/** Option → setting: what is most often given by hand. The others come from the environment. */
const SETTINGS = {
  host: "HOST",
  port: "PORT",
  roles: "ROLES",
  redisUrl: "REDIS_URL",
  databaseUrl: "DATABASE_URL",
  dataDir: "DATA_DIR",
  boardsFile: "BOARDS_FILE",
  logLevel: "LOG_LEVEL",
} as const;

type Options = Partial<Record<keyof typeof SETTINGS, string>> & { workers?: string; pretty?: boolean };

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

export function startCommand(): Command {
  return new Command("start")
    .option("--port <port>", "PORT")
    .option("--host <address>", "HOST")
    .option("--roles <roles>", "ROLES: gateway, merger, archiver, seasons, by comma")
    .option("--workers <n>", "so many processes, or auto: one a core")
    .option("--redis-url <url>", "REDIS_URL; with a password in it, set the variable instead: ps shows this")
    .option("--database-url <url>", "DATABASE_URL; the same")
    .option("--data-dir <path>", "DATA_DIR")
    .option("--boards-file <path>", "BOARDS_FILE")
    .option("--log-level <level>", "LOG_LEVEL")
    .option("--pretty", "log lines for people: LOG_PRETTY")
    .action(async ({ workers, pretty, ...given }: Options) => {
      const named = Object.entries(given).map(([option, value]) => [
        SETTINGS[option as keyof typeof given],
        value,
      ]);
      overrideEnvironment({ ...Object.fromEntries(named), LOG_PRETTY: pretty ? "true" : undefined });
      // It reads its own arguments, and forks its workers by this name.
      process.argv.splice(
        1,
        Number.POSITIVE_INFINITY,
        MAIN,
        ...(workers === undefined ? [] : ["--workers", workers]),
      );
      await import("../main.ts");
    });
}
