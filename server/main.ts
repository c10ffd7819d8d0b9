/** The process: arguments, settings, parts, signals, exit code. With `--workers` it is the primary of several, or one of them. */
import cluster from "node:cluster";
import { availableParallelism } from "node:os";
import { leaveOnSignal } from "./base/leave-on-signal.ts";
import { createLog } from "./base/log.ts";
import { compose } from "./compose.ts";
import { configFromEnvironment } from "./config.ts";
import { startWorkers } from "./workers/primary.ts";
import { startWorker } from "./workers/worker.ts";
import { workerCount } from "./workers/worker-count.ts";

function orExit<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    console.error((error as Error).message);
    process.exit(2);
  }
}

const workers = orExit(() => workerCount(process.argv.slice(2), availableParallelism()));
const config = orExit(configFromEnvironment);
const logged = createLog({ level: config.LOG_LEVEL, pretty: config.LOG_PRETTY });
const log = cluster.worker ? logged.child({ worker: cluster.worker.id }) : logged;

const surroundings = {
  log,
  say: (line: string) => console.log(line),
  onFatal: (error: Error) => {
    log.fatal({ err: error }, "cannot go on");
    void leave("fatal", 1);
  },
};

function start() {
  if (cluster.isWorker) return startWorker(config, surroundings);
  return workers === undefined ? compose(config, surroundings) : startWorkers(config, workers, surroundings);
}

const starting = start();

async function leave(reason: string, exitCode: number): Promise<never> {
  log.info({ reason }, "stopping");
  // A signal during the start waits for its end: what was half started is stopped too.
  const running = await starting.catch(() => undefined);
  const late = (await running?.stop()) ?? [];
  process.exit(late.length > 0 ? 1 : exitCode);
}

leaveOnSignal((signal) => void leave(signal, 0));

try {
  const { port } = await starting;
  const shown = { port, roles: config.ROLES, workers };
  if (cluster.isWorker) log.debug("a worker is ready");
  else log.info(shown, "rankwire is ready");
  // For a person who looks on; a log that is collected stays JSON.
  if (cluster.isPrimary && process.stdout.isTTY && port > 0)
    console.log(`Open http://${config.HOST}:${port}/`);
} catch (error) {
  console.error(`Rankwire could not start: ${(error as Error).message}`);
  process.exit(1);
}
