/** The page in front of a real server and Redis: what the tests of the page start, stop and feed. */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type PreviewServer, preview } from "vite";
import { createLog } from "../../server/base/log.ts";
import { compose, type Running } from "../../server/compose.ts";
import { parseConfig } from "../../server/config.ts";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { ADMIN_KEY, SERVER_KEY } from "../support/servers.ts";
import { testRunFolder } from "../support/shared-redis.ts";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const root = join(repository, "web");

/** Build the page into a folder of its own: `web/dist` is the user's. @returns the folder */
export async function buildPage(): Promise<string> {
  const outDir = await mkdtemp(join(testRunFolder(), "page-"));
  await build({ root, logLevel: "warn", build: { outDir, emptyOutDir: true } });
  return outDir;
}

export class PageServer {
  readonly #redis: TestRedis;
  readonly #dataDir: string;
  #running: Running | undefined;
  #front: PreviewServer | undefined;
  #port = 0;

  private constructor(redis: TestRedis, dataDir: string) {
    this.#redis = redis;
    this.#dataDir = dataDir;
  }

  /** With the demo's board `arcade`, empty. @param folder of the built page */
  static async start(folder: string): Promise<PageServer> {
    const dataDir = await mkdtemp(join(testRunFolder(), "page-server-"));
    const server = new PageServer(await startTestRedis(), dataDir);
    await server.startAgain();
    // The server itself gives out web/dist only. What a browser test would fulfil by interception, Chromium counts
    // as a page of the public internet, which may not open a socket to this machine.
    server.#front = await preview({
      root,
      logLevel: "silent",
      build: { outDir: folder },
      preview: {
        host: "127.0.0.1",
        port: 0,
        proxy: { "/v1": server.#url, "/socket.io": { target: server.#url, ws: true } },
      },
    });
    return server;
  }

  get pageUrl(): string {
    return this.#front?.resolvedUrls?.local[0] ?? "";
  }

  get #url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** The server without its Redis, which keeps the board. */
  async stopServer(): Promise<void> {
    await this.#running?.stop();
    this.#running = undefined;
  }

  /** On the same port as before. */
  async startAgain(): Promise<void> {
    const config = parseConfig({
      NODE_ENV: "test",
      REDIS_URL: this.#redis.url,
      DATA_DIR: this.#dataDir,
      PORT: String(this.#port),
      ADMIN_KEY,
      SERVER_KEY,
      BOARDS_FILE: join(repository, "demo/boards.json"),
    });
    const log = createLog({ level: "silent", pretty: false });
    this.#running = await compose(config, { log, say: () => undefined, onFatal: () => undefined });
    this.#port = this.#running.port;
  }

  async stop(): Promise<void> {
    await this.#front?.close();
    await this.stopServer();
    await this.#redis.stop();
  }

  async putBoard(id: string, definition: BoardDefinition): Promise<void> {
    const authorization = `Bearer ${ADMIN_KEY}`;
    const headers = { authorization, "content-type": "application/json" };
    const body = JSON.stringify(definition);
    const response = await fetch(`${this.#url}/v1/admin/boards/${id}`, { method: "PUT", headers, body });
    if (!response.ok) throw new Error(`${id}: ${response.status}`);
  }

  async putProfile(member: string, profile: object): Promise<void> {
    const authorization = `Bearer ${SERVER_KEY}`;
    const response = await fetch(`${this.#url}/v1/profiles/${encodeURIComponent(member)}`, {
      method: "PUT",
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify(profile),
    });
    if (!response.ok) throw new Error(`${member}: ${response.status} ${await response.text()}`);
  }

  /** Points of a board, as a game server reports them: on `arcade` won or lost. */
  async add(points: Record<string, number>, board = "arcade"): Promise<void> {
    const submissions = Object.entries(points).map(([member, score]) => ({ member, score }));
    const response = await fetch(`${this.#url}/v1/boards/${board}/scores`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${SERVER_KEY}`,
        "content-type": "application/json",
      },
      body: JSON.stringify({ submissions }),
    });
    const { counts } = (await response.json()) as { counts?: { accepted: number; unchanged: number } };
    if (!counts || counts.accepted + counts.unchanged !== submissions.length)
      throw new Error(`Not all accepted: ${JSON.stringify(counts)}`);
  }
}
