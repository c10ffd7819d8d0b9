/** `rankwire demo`: what `npm run demo` does, in this process: the page is built, then a server starts with simulated players. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { overrideEnvironment } from "../config.ts";
import { refuse } from "./api-failure.ts";

type Options = { port?: string; players?: string; crowd?: string; cluster?: boolean };

/** Named by its place alone: the demo stands above the server, and what is deployed is without it. */
const DEMO = new URL("../../demo/main.ts", import.meta.url);
const WEB = new URL("../../web/", import.meta.url);

export function demoCommand(): Command {
  return new Command("demo")
    .option("--port <port>", "PORT; if it is taken, the next free one")
    .option("--players <n>", "simulated players, each on a socket of its own: PLAYERS (default: 300)")
    .option("--crowd <n>", "quiet members whom they pass: CROWD (default: 20000)")
    .option("--cluster", "on a Redis Cluster of its own")
    .action(async ({ port, players, crowd, cluster }: Options) => {
      if (!existsSync(DEMO))
        refuse("This installation has no demo.", "Run it from a checkout of the repository.");
      overrideEnvironment({ PORT: port, PLAYERS: players, CROWD: crowd });
      const { build } = await import("vite");
      await build({ root: fileURLToPath(WEB), logLevel: "warn" });
      process.argv.splice(
        1,
        Number.POSITIVE_INFINITY,
        fileURLToPath(DEMO),
        ...(cluster ? ["--cluster"] : []),
      );
      await import(DEMO.href);
    });
}
