/** The child of `server-process.ts`: a whole server, and answers about its own CPU and memory. */
import { createLog } from "../../server/base/log.ts";
import { compose } from "../../server/compose.ts";
import { configFromEnvironment } from "../../server/config.ts";

export type Usage = { cpuUs: number; rssBytes: number; heapBytes: number };

export type ChildMessage = { kind: "ready"; port: number } | { kind: "usage"; usage: Usage };

const config = configFromEnvironment();
const running = await compose(config, {
  log: createLog({ level: config.LOG_LEVEL, pretty: false }),
  say: () => undefined,
  onFatal: (error) => {
    throw error;
  },
});

async function leave(): Promise<never> {
  await running.stop();
  process.exit(0);
}

process.once("SIGTERM", () => void leave());
// The run is gone, whatever became of it.
process.once("disconnect", () => void leave());

process.on("message", ({ collect }: { collect: boolean }) => {
  const collectGarbage = (globalThis as { gc?: () => void }).gc;
  // Twice: what the first finds dead may hold more.
  if (collect) for (let i = 0; i < 2; i++) collectGarbage?.();
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  say({ kind: "usage", usage: { cpuUs: user + system, rssBytes: rss, heapBytes: heapUsed } });
});

function say(message: ChildMessage): void {
  process.send?.(message);
}

say({ kind: "ready", port: running.port });
