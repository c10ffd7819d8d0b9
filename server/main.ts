/** The process: settings, parts, signals, exit code. */
import { createLog } from "./base/log.ts";
import { compose } from "./compose.ts";
import { type Config, configFromEnvironment } from "./config.ts";

function readConfig(): Config {
  try {
    return configFromEnvironment();
  } catch (error) {
    console.error((error as Error).message);
    process.exit(2);
  }
}

const config = readConfig();
const log = createLog({ level: config.LOG_LEVEL, pretty: config.LOG_PRETTY });

const starting = compose(config, {
  log,
  say: (line) => console.log(line),
  onFatal: (error) => {
    log.fatal({ err: error }, "cannot go on");
    void leave("fatal", 1);
  },
});

async function leave(reason: string, exitCode: number): Promise<never> {
  log.info({ reason }, "stopping");
  // A signal during the start waits for its end: what was half started is stopped too.
  const running = await starting.catch(() => undefined);
  const late = (await running?.stop()) ?? [];
  process.exit(late.length > 0 ? 1 : exitCode);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void leave(signal, 0));

try {
  const { port, keys } = await starting;
  log.info({ port, roles: config.ROLES, ...(keys.file ? { keys: keys.file } : {}) }, "rankwire is ready");
} catch (error) {
  console.error(`Rankwire could not start: ${(error as Error).message}`);
  process.exit(1);
}
