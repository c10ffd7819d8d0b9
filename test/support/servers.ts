/** Whole servers for tests: composed as in production, on loopback and a free port, in this process. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BoardInfo } from "../../client-sdk/protocol/messages.ts";
import { createLog } from "../../server/base/log.ts";
import { compose, type Running } from "../../server/compose.ts";
import { parseConfig } from "../../server/config.ts";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { checkAnswer } from "./answer-check.ts";

export const ADMIN_KEY = "test-admin-key-0123456789";
export const SERVER_KEY = "test-server-key-0123456789";

export type Answer<T = unknown> = { status: number; headers: Headers; body: T };

export type TestServer = {
  url: string;
  running: Running;
  /** `key` as a bearer token. The body is sent as JSON, a string as it is. Fails when the answer is not what its route describes. */
  call<T>(
    method: string,
    path: string,
    options?: { key?: string; body?: unknown; headers?: Record<string, string> },
  ): Promise<Answer<T>>;
  createBoard(id: string, definition: BoardDefinition): Promise<BoardInfo>;
  /** A session token of a player. */
  signIn(member: string): Promise<string>;
  stop(): Promise<void>;
};

/** @param settings environment variables that differ from the test's defaults */
export async function startServer(
  redisUrl: string,
  settings: Record<string, string> = {},
): Promise<TestServer> {
  const dataDir = mkdtempSync(join(tmpdir(), "rankwire-test-"));
  const config = parseConfig({
    NODE_ENV: "test",
    REDIS_URL: redisUrl,
    PORT: "0",
    DATA_DIR: dataDir,
    ADMIN_KEY,
    SERVER_KEY,
    // The other roles open a database at once, which most tests do not need.
    ROLES: "gateway,merger",
    TICK_MS: "20",
    STOP_GRACE_MS: "500",
    ...settings,
  });
  const level = (process.env.TEST_LOG_LEVEL ?? "silent") as "silent";
  const fatal = (error: Error): void => {
    throw error;
  };
  const running = await compose(config, {
    log: createLog({ level, pretty: false }),
    say: () => undefined,
    onFatal: fatal,
  });
  const url = `http://127.0.0.1:${running.port}`;
  const call = caller(url);
  return {
    url,
    running,
    call,
    createBoard: async (id, definition) => {
      const { status, body } = await call<BoardInfo>("PUT", `/v1/admin/boards/${id}`, {
        key: ADMIN_KEY,
        body: definition,
      });
      if (status !== 201 && status !== 200) throw new Error(`board ${id}: ${JSON.stringify(body)}`);
      return body;
    },
    signIn: async (member) => {
      const { body } = await call<{ token: string }>("POST", "/v1/sessions", {
        key: SERVER_KEY,
        body: { member },
      });
      return body.token;
    },
    stop: async () => {
      const late = await running.stop();
      rmSync(dataDir, { recursive: true, force: true });
      if (late.length > 0) throw new Error(`did not stop: ${late.join(", ")}`);
    },
  };
}

function caller(url: string): TestServer["call"] {
  return async <T>(
    method: string,
    path: string,
    { key, body, headers = {} }: Parameters<TestServer["call"]>[2] = {},
  ) => {
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const { status, headers: answered } = response;
    const contentType = answered.get("content-type");
    const parsed: unknown = contentType?.startsWith("application/json") ? JSON.parse(text) : text;
    await checkAnswer({ method, path, status, contentType, body: parsed });
    return { status, headers: answered, body: parsed as T };
  };
}
