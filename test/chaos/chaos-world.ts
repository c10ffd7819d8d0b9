/** Rankwire as it is run by people, for tests that break it: a process for each part, a Redis and a database of their own, and the CLI. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../style/sources.ts";
import { type ChildServer, startChildServer } from "../support/child-server.ts";
import { eventually } from "../support/eventually.ts";
import { startTestPostgres, type TestPostgres } from "../support/postgres.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { ADMIN_KEY } from "../support/servers.ts";
import { testRunFolder } from "../support/shared-redis.ts";

/** Each runs in a process of its own. */
export const PARTS = { gateway: "gateway,merger", archiver: "archiver", seasons: "seasons" } as const;
export type Part = keyof typeof PARTS;

const SETTINGS = {
  TICK_MS: "50",
  LEASE_TTL_MS: "800",
  INGEST_DEADLINE_MS: "2000",
  REDIS_COMMAND_TIMEOUT_MS: "1000",
  DATABASE_TIMEOUT_MS: "2000",
  SEASON_LOOK_MS: "100",
  SEASON_LEASE_MS: "800",
  SEASON_PREOPEN_MS: "1000",
  SEASON_GRACE_MS: "700",
};

export type CliEnd = { code: number | null; output: string; errors: string };

export class ChaosWorld {
  readonly redis: TestRedis;
  /** Undefined where the database is PGlite, in the process that came first. */
  readonly postgres: TestPostgres | undefined;
  readonly #settings: Record<string, string>;
  readonly #busy = new Map<Part, Promise<void>>();
  readonly #running = new Map<Part, ChildServer>();

  private constructor(
    redis: TestRedis,
    postgres: TestPostgres | undefined,
    settings: Record<string, string>,
  ) {
    this.redis = redis;
    this.postgres = postgres;
    this.#settings = settings;
  }

  static async start(kind: "pglite" | "postgresql", archiveMs: number): Promise<ChaosWorld> {
    const postgres = kind === "postgresql" ? await startTestPostgres() : undefined;
    const redis = await startTestRedis();
    const database: Record<string, string> = postgres ? { DATABASE_URL: await postgres.newDatabase() } : {};
    const dataDir = mkdtempSync(join(testRunFolder(), "chaos-"));
    const world = new ChaosWorld(redis, postgres, {
      ...SETTINGS,
      ...database,
      DATA_DIR: dataDir,
      ARCHIVE_MS: `${archiveMs}`,
    });
    await Promise.all((Object.keys(PARTS) as Part[]).map((part) => world.begin(part)));
    return world;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#running.get("gateway")?.port ?? 0}`;
  }

  async begin(part: Part): Promise<void> {
    this.#running.set(
      part,
      await startChildServer(this.redis.url, { ...this.#settings, ROLES: PARTS[part] }),
    );
  }

  /** SIGKILL, and a new one when `meanwhile` is over. One at a time for each part. */
  killed(part: Part, meanwhile: () => Promise<unknown>): Promise<void> {
    const done = (this.#busy.get(part) ?? Promise.resolve()).then(async () => {
      await this.#running.get(part)?.kill();
      await meanwhile();
      await this.begin(part);
    });
    this.#busy.set(part, done);
    return done;
  }

  /** The part whose process serves PGlite to the others now; waits until there is one. */
  async pgliteHolder(): Promise<Part> {
    return eventually(
      () => {
        const { pid } = JSON.parse(readFileSync(join(this.#settings.DATA_DIR!, "database.lock"), "utf8")) as {
          pid: number;
        };
        const found = [...this.#running].find(([, child]) => child.pid === pid);
        if (!found) throw new Error(`process ${pid} serves PGlite and is none of ours`);
        return found[0];
      },
      { withinMs: 60_000, everyMs: 20 },
    );
  }

  /** What the parts that run have logged. */
  logged(): string {
    return [...this.#running]
      .map(([part, { printed }]) => `${part}:\n${printed.slice(-30).join("\n")}`)
      .join("\n");
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.#busy.values());
    await Promise.all([...this.#running.values()].map((child) => child.kill()));
    await this.redis.stop();
    await this.postgres?.stop();
  }

  /** `rankwire …` with the settings of the servers. */
  cli(...args: string[]): Promise<CliEnd> {
    const child = spawn(process.execPath, ["--import", "tsx", "server/cli/main.ts", ...args], {
      cwd: ROOT,
      env: { ...process.env, NODE_ENV: "test", REDIS_URL: this.redis.url, ...this.#settings },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [output, errors] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      errors += chunk.toString();
    });
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve({ code, output, errors }));
    });
  }

  /** Again until it is answered, since the gateway, Redis or the database may be away. @throws Error what the answer says, if it is refused */
  async admin<T>(method: string, path: string, body?: unknown): Promise<T> {
    const asked = async (): Promise<{ isRefused: boolean; status: number; text: string }> => {
      const response = await fetch(this.url + path, {
        method,
        headers: {
          authorization: `Bearer ${ADMIN_KEY}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const { status } = response;
      const text = await response.text();
      // An emptied store knows no board until it is rebuilt.
      if (status >= 500 || status === 404) throw new Error(`${method} ${path}: ${status} ${text}`);
      return { isRefused: !response.ok, status, text };
    };
    const { isRefused, status, text } = await eventually(asked, { withinMs: 60_000, everyMs: 50 });
    if (isRefused) throw new Error(`${method} ${path}: ${status} ${text}`);
    return JSON.parse(text) as T;
  }
}
