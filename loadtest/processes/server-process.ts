/** A Rankwire server as a child process: started with settings, asked what it has used, stopped. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import type { OwnedProcesses } from "./owned-processes.ts";
import type { BenchRedis } from "./redis-server.ts";
import type { ChildMessage, Usage } from "./server-child.ts";

export const ADMIN_KEY = "bench-admin-key-0123456789";
export const SERVER_KEY = "bench-server-key-0123456789";

export type ServerProcess = {
  readonly port: number;
  readonly pid: number;
  readonly url: string;
  /** CPU and memory of the server's process alone. @param collect run the garbage collector first */
  usage(options?: { collect: boolean }): Promise<Usage>;
  createBoard(id: string, definition: BoardDefinition): Promise<void>;
  /** A session token of a player. */
  signIn(member: string): Promise<string>;
  /** The sum of a counter on /metrics. */
  metric(name: string): Promise<number>;
  stop(): Promise<void>;
};

const CHILD = fileURLToPath(new URL("./server-child.ts", import.meta.url));

export async function startServer(
  owned: OwnedProcesses,
  redis: BenchRedis,
  settings: Record<string, string> = {},
): Promise<ServerProcess> {
  const child = fork(CHILD, {
    // Ours hold the TypeScript loader.
    execArgv: [...process.execArgv, "--expose-gc"],
    env: {
      PATH: process.env.PATH,
      REDIS_URL: redis.url,
      PORT: "0",
      DATA_DIR: owned.folder(),
      ADMIN_KEY,
      SERVER_KEY,
      LOG_LEVEL: "fatal",
      // A database beside it would be measured too; the archive has a bench of its own.
      ROLES: "gateway,merger",
      // All players of a load come from one address.
      CONNECTIONS_PER_SECOND: "10000",
      CONNECTIONS_BURST: "100000",
      ...settings,
    },
    // A group of its own: Ctrl-C is for us, and we end it.
    detached: true,
  });
  owned.add(child);
  const [message] = (await Promise.race([once(child, "message"), once(child, "exit")])) as [unknown];
  if (!isReady(message)) throw new Error("The server did not start.");
  const url = `http://127.0.0.1:${message.port}`;
  return {
    port: message.port,
    pid: child.pid!,
    url,
    usage: async ({ collect } = { collect: false }) => {
      if (!child.connected) throw new Error("The server is gone.");
      child.send({ kind: "usage", collect });
      const answered = new AbortController();
      const { signal } = answered;
      const ends = [once(child, "message", { signal }), once(child, "exit", { signal })];
      const [reply] = (await Promise.race(ends).finally(() => answered.abort())) as [unknown];
      if (!isUsage(reply)) throw new Error("The server did not say what it used.");
      return reply.usage;
    },
    createBoard: async (id, definition) => {
      await call(url, "PUT", `/v1/admin/boards/${id}`, ADMIN_KEY, definition);
    },
    signIn: async (member) => {
      const { token } = await call<{ token: string }>(url, "POST", "/v1/sessions", SERVER_KEY, { member });
      return token;
    },
    metric: async (name) => metricOf(await (await fetch(`${url}/metrics`)).text(), name),
    stop: () => owned.stop(child),
  };
}

function isReady(message: unknown): message is ChildMessage & { kind: "ready" } {
  return typeof message === "object" && (message as ChildMessage | null)?.kind === "ready";
}

function isUsage(message: unknown): message is ChildMessage & { kind: "usage" } {
  return typeof message === "object" && (message as ChildMessage | null)?.kind === "usage";
}

async function call<T>(url: string, method: string, path: string, key: string, body: unknown): Promise<T> {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

function metricOf(text: string, name: string): number {
  const lines = [...text.matchAll(new RegExp(`^${name}(?:{[^}]*})? ([\\d.e+]+)$`, "gm"))];
  return lines.reduce((sum, [, value]) => sum + Number(value), 0);
}
