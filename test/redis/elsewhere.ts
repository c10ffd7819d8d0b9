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

const clusterProgram = (dataDir: string): string =>
  program(dataDir)
    .replaceAll("startManagedRedis", "startManagedCluster")
    .replace("managed-redis.ts", "managed-cluster.ts")
    .replace(
      "{ path: redis.path, pid: redis.pid }",
      "{ pids: redis.nodes.map(({ pid }) => pid), url: redis.url }",
    );

/** A Rankwire with a managed cluster that is killed as soon as it runs. @returns the pids of what it leaves behind, and its URL */
export async function leaveCluster(dataDir: string): Promise<{ pids: number[]; url: string }> {
  const { child, exited, line } = await startProgram(clusterProgram(dataDir));
  child.kill("SIGKILL");
  await exited;
  return JSON.parse(line) as { pids: number[]; url: string };
}

export async function startElsewhere(dataDir: string): Promise<Elsewhere> {
  const { child, exited, line } = await startProgram(program(dataDir));
  return {
    pid: child.pid!,
    redis: JSON.parse(line) as { path: string; pid: number },
    exit: () => child.stdin.end(),
    kill: async () => {
      child.stdin.end();
      await exited;
    },
  };
}

async function startProgram(text: string) {
  const args = ["--import", "tsx", "--input-type=module", "--eval", text];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout }), "line"),
    exited.then(() => Promise.reject(new Error("the other process ended before its Redis ran"))),
  ])) as [string];
  return { child, exited, line };
}
