/** `npm run load -- <scenario>`: a server and a Redis where none is named, k6 with the scenario, a summary, and everything ended. */
import { OwnedProcesses } from "../processes/owned-processes.ts";
import { type BenchRedis, startRedis } from "../processes/redis-server.ts";
import { ADMIN_KEY, SERVER_KEY, type ServerProcess, startServer } from "../processes/server-process.ts";
import { ensureK6, HOW_TO_GET_K6, type K6 } from "./k6-binary.ts";
import { runK6, type Target } from "./k6-process.ts";
import { type Command, commandFrom, type LoadOptions, usage } from "./options.ts";
import { resultOf, table, writeResult } from "./result.ts";

const owned = new OwnedProcesses();
const say = (line: string): void => console.error(line);
let redis: BenchRedis | undefined;
let server: ServerProcess | undefined;

/** k6 first, then the server, then the Redis that it talks to. */
async function stopEverything(): Promise<void> {
  await owned.stopAll();
  await redis?.stop();
}

async function targetOf({ target }: LoadOptions): Promise<Target> {
  if (target !== undefined) {
    const { SERVER_KEY: serverKey, ADMIN_KEY: adminKey } = process.env;
    if (!serverKey || !adminKey)
      throw new Error("--target needs the server's keys in SERVER_KEY and ADMIN_KEY.");
    return { url: target.replace(/\/$/, ""), serverKey, adminKey };
  }
  redis = await startRedis(owned, say);
  server = await startServer(owned, redis);
  say(`server at ${server.url}, pid ${server.pid}`);
  return { url: server.url, serverKey: SERVER_KEY, adminKey: ADMIN_KEY };
}

async function load(k6: K6, options: LoadOptions): Promise<number> {
  const startedAt = new Date();
  const ended = await runK6(await targetOf(options), options, { owned, k6, say });
  // Stopped by hand: half a run is no result.
  if (owned.isClosing) return ended.code;
  // A server that did not survive has nothing to say, and the thresholds have said it.
  const used = await server?.usage().catch(() => undefined);
  const result = await resultOf(options, { k6, startedAt, ended, usage: used });
  console.log(`\n${table(result)}`);
  console.log(`${result.passed ? "passed" : "FAILED"}: ${await writeResult(result, options.out)}`);
  return ended.code;
}

/** @returns the exit code: k6's own where k6 ran */
async function run(command: Command): Promise<number> {
  if (command.kind === "list") {
    say(usage());
    return 0;
  }
  const k6 = await ensureK6(owned, say);
  if (!k6) {
    say(HOW_TO_GET_K6);
    return command.kind === "prepare" ? 0 : 3;
  }
  say(`${k6.version}, ${k6.path}`);
  return command.kind === "prepare" ? 0 : load(k6, command.options);
}

function parsed(): Command | undefined {
  try {
    return commandFrom(process.argv.slice(2));
  } catch (error) {
    say(`${(error as Error).message}\n\n${usage()}`);
    return undefined;
  }
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    // What was under way now fails, each in its own words.
    process.on("uncaughtException", () => undefined);
    owned.close();
    void stopEverything().then(() => process.exit(signal === "SIGINT" ? 130 : 143));
  });
}

const command = parsed();
if (!command) {
  process.exitCode = 2;
} else {
  try {
    process.exitCode = await run(command);
  } catch (error) {
    say((error as Error).message);
    process.exitCode = 1;
  } finally {
    await stopEverything();
  }
}
