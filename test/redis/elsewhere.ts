/** A Rankwire of its own process with a managed Redis, for tests of what the death of one leaves to another. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** `exit` makes the process end without stopping its Redis; `kill` ends both. */
export type Elsewhere = {
  pid: number;
  redis: { path: string; pid: number };
  exit(): void;
  kill(): Promise<void>;
};

const MODULES = new URL("../../server/", import.meta.url);

const program = (dataDir: string): string => `
  import { createLog } from ${JSON.stringify(new URL("base/log.ts", MODULES).href)};
  import { startManagedRedis } from ${JSON.stringify(new URL("redis/managed/managed-redis.ts", MODULES).href)};
  const log = createLog({ level: "silent", pretty: false });
  const say = () => undefined;
  const redis = await startManagedRedis({ dataDir: ${JSON.stringify(dataDir)}, install: "never", log, say });
  console.log(JSON.stringify({ path: redis.path, pid: redis.pid }));
  process.stdin.on("end", () => process.exit(3)).resume();
`;

export async function startElsewhere(dataDir: string): Promise<Elsewhere> {
  const args = ["--import", "tsx", "--input-type=module", "--eval", program(dataDir)];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const [line] = await Promise.race([
    once(createInterface({ input: child.stdout }), "line"),
    exited.then(() => Promise.reject(new Error("the other process ended before its Redis ran"))),
  ]);
  return {
    pid: child.pid!,
    redis: JSON.parse(line as string) as { path: string; pid: number },
    exit: () => child.stdin.end(),
    kill: async () => {
      child.stdin.end();
      await exited;
    },
  };
}
