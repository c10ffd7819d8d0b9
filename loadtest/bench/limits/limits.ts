/** `limits`: what a check costs Redis against the bare command that it stands for, and what all of them cost a server. */
import type { Bench, BenchContext } from "../bench.ts";
import { measureScripts } from "./scripts.ts";
import { measureServers } from "./servers.ts";

async function run(context: BenchContext): Promise<void> {
  await measureScripts(context);
  await measureServers(context);
}

export const limitsBench: Bench = {
  name: "limits",
  summary:
    "rate limits: each script against the bare command, a server with and without them (about a minute)",
  run,
};
