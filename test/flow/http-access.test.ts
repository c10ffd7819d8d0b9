/** Who may call what, what is not a call at all, and what operators and browsers see. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "../support/eventually.ts";
import { startTestRedis } from "../support/redis.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

let server: TestServer;
let board: string;
let hidden: string;
beforeAll(async () => {
  server = await startServer(sharedRedisUrl());
  board = uniqueBoard("public");
  hidden = uniqueBoard("private");
  await server.createBoard(board, { operator: "best" });
  await server.createBoard(hidden, { operator: "best", visibility: "private" });
  for (const id of [board, hidden]) {
    const body = { submissions: [{ member: "alonso", score: 3 }] };
    await server.call("POST", `/v1/boards/${id}/scores`, { key: SERVER_KEY, body });
  }
});
afterAll(() => server.stop());

/** `[method, path, body]` of every read of a board. */
function reads(id: string): [string, string, unknown?][] {
  const at = `/v1/boards/${id}`;
  return [
    ["GET", at],
    ["GET", `${at}/top`],
    ["GET", `${at}/members/alonso`],
    ["GET", `${at}/members/alonso/around`],
    ["POST", `${at}/members`, { members: ["alonso"] }],
    ["GET", `${at}/rank-of-score?score=1`],
  ];
}

function refusal(code: string): object {
  return {
    error: {
      code,
      message: expect.any(String),
      remediation: expect.any(String),
      retryable: false,
      request: expect.any(String),
    },
  };
}

/** Calls that need a key, with the key that is enough. */
function guarded(): { method: string; path: string; body: unknown; enough: "server" | "admin" }[] {
  const made = { operator: "best" };
  const scores = { submissions: [{ member: "a", score: 1 }] };
  return [
    { method: "POST", path: `/v1/boards/${board}/scores`, body: scores, enough: "server" },
    { method: "POST", path: "/v1/sessions", body: { member: "a" }, enough: "server" },
    { method: "PUT", path: `/v1/admin/boards/${uniqueBoard("key")}`, body: made, enough: "admin" },
  ];
}

describe("keys", () => {
  it("are needed for scores, sessions and boards; none, a wrong one or no bearer is unauthorized", async () => {
    for (const { method, path, body } of guarded()) {
      const wrong: Record<string, string>[] = [
        {},
        { authorization: "Bearer wrong-key-0123456789" },
        { authorization: `Basic ${ADMIN_KEY}` },
        { authorization: ADMIN_KEY },
        { authorization: "Bearer " },
        { authorization: `Bearer ${ADMIN_KEY} x` },
        { authorization: `Bearer ${"x".repeat(600)}` },
      ];
      for (const headers of wrong) {
        const answer = await server.call(method, path, { body, headers });
        expect([path, answer.status, answer.body]).toEqual([path, 401, refusal("unauthorized")]);
      }
    }
  });

  it("that are not enough are forbidden, and the admin key is enough for everything", async () => {
    const session = await server.signIn("alonso");
    for (const { method, path, body, enough } of guarded()) {
      const keys = enough === "admin" ? [session, SERVER_KEY] : [session];
      for (const key of keys) {
        const answer = await server.call(method, path, { key, body });
        expect([path, answer.status, answer.body]).toEqual([path, 403, refusal("forbidden")]);
      }
      expect((await server.call(method, path, { key: ADMIN_KEY, body })).status).toBeLessThan(300);
    }
  });

  it("that are wrong are refused on public boards too", async () => {
    for (const [method, path, body] of reads(board)) {
      const answer = await server.call(method, path, { key: "wrong-key-0123456789", body });
      expect([path, answer.status, answer.body]).toEqual([path, 401, refusal("unauthorized")]);
    }
  });

  it("are asked for before a body is looked at", async () => {
    for (const { method, path } of guarded()) {
      expect((await server.call(method, path, { body: { wrong: true } })).status).toBe(401);
    }
  });
});

describe("a private board", () => {
  it("is closed to anyone, and open to keys and session tokens", async () => {
    const session = await server.signIn("alonso");
    for (const [method, path, body] of reads(hidden)) {
      const answer = await server.call(method, path, { body });
      expect([path, answer.status, answer.body]).toEqual([path, 403, refusal("forbidden")]);
      for (const key of [session, SERVER_KEY, ADMIN_KEY]) {
        expect((await server.call(method, path, { key, body })).status, path).toBe(200);
      }
    }
    expect(await server.call("GET", `/v1/boards/${hidden}/feed`)).toMatchObject({ status: 403 });
  });

  it("is in the list of those only who may read it", async () => {
    const list = async (key?: string): Promise<string[]> => {
      const options = key === undefined ? {} : { key };
      const { body } = await server.call<{ boards: { board: string }[] }>("GET", "/v1/boards", options);
      return body.boards.map((one) => one.board);
    };
    expect(await list()).toContain(board);
    expect(await list()).not.toContain(hidden);
    for (const key of [await server.signIn("alonso"), SERVER_KEY, ADMIN_KEY]) {
      expect(await list(key)).toEqual(expect.arrayContaining([board, hidden]));
    }
  });
});

describe("what is no call", () => {
  it("is not_found: unknown paths and wrong methods alike", async () => {
    const at = `/v1/boards/${board}`;
    const calls: [string, string][] = [
      ["GET", "/v1/nothing"],
      ["GET", "/v2/boards"],
      ["GET", `${at}/nothing`],
      ["GET", `${at}/scores`],
      ["POST", `${at}/top`],
      ["DELETE", at],
      ["PATCH", at],
      ["GET", `/v1/admin/boards/${board}`],
      ["POST", `/v1/admin/boards/${board}`],
      ["PUT", "/v1/sessions"],
    ];
    for (const [method, path] of calls) {
      const answer = await server.call<{ error: { message: string } }>(method, path, { key: ADMIN_KEY });
      expect([path, answer.status, answer.body]).toEqual([path, 404, refusal("not_found")]);
      expect(answer.body.error.message).toContain(`${method} ${path}`);
    }
  });

  it("is refused in the same words when the path is not valid text", async () => {
    for (const path of [`/v1/boards/${board}/members/%ff`, "/v1/boards/%/top"]) {
      const { status, body } = await server.call("GET", path);
      expect([path, status, body]).toEqual([path, 400, refusal("bad_request")]);
    }
  });

  it("is refused in the same words when a part of the path is too long", async () => {
    const { status, body } = await server.call("GET", `/v1/boards/${board}/members/${"m".repeat(600)}`);
    expect([status, body]).toMatchObject([
      expect.any(Number),
      { error: { remediation: expect.any(String) } },
    ]);
    expect([400, 404, 414]).toContain(status);
  });
});

describe("a browser", () => {
  it("may call from anywhere by default, and read refusals", async () => {
    const headers = { origin: "https://game.example" };
    for (const path of [`/v1/boards/${board}/top`, "/v1/boards/nowhere/top", "/v1/nothing"]) {
      const answer = await server.call("GET", path, { headers });
      expect(answer.headers.get("access-control-allow-origin")).toBe("*");
      expect(answer.headers.get("access-control-expose-headers")).toContain("retry-after");
    }
  });

  it("is told beforehand which methods and headers it may use", async () => {
    const answer = await server.call("OPTIONS", `/v1/boards/${board}/members`, {
      headers: {
        origin: "https://game.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
      },
    });
    expect(answer.status).toBe(204);
    expect(answer.headers.get("access-control-allow-methods")).toBe("GET, POST, PUT, PATCH, DELETE");
    expect(answer.headers.get("access-control-allow-headers")).toContain("authorization");
  });

  it("may call only from the origins of the settings, where there are some", async () => {
    const strict = await startServer(sharedRedisUrl(), {
      ALLOWED_ORIGINS: "https://a.example,https://b.example",
    });
    onTestFinished(() => strict.stop());
    const allowed = async (origin: string): Promise<string | null> => {
      const { headers } = await strict.call("GET", "/v1/boards", { headers: { origin } });
      return headers.get("access-control-allow-origin");
    };
    expect(await allowed("https://b.example")).toBe("https://b.example");
    expect(await allowed("https://c.example")).toBeNull();
  });
});

describe("an operator", () => {
  it("sees a live and ready server", async () => {
    expect(await server.call("GET", "/healthz")).toMatchObject({ status: 200, body: { status: "ok" } });
    const { status, body } = await server.call("GET", "/readyz");
    expect([status, body]).toEqual([200, { status: "ready", unready: [], degraded: [] }]);
  });

  it("sees which part is not ready when Redis is away, and ready again when it is back", async () => {
    const redis = await startTestRedis({ appendonly: true });
    onTestFinished(() => redis.stop());
    const alone = await startServer(redis.url, { REDIS_COMMAND_TIMEOUT_MS: "200" });
    onTestFinished(() => alone.stop());
    await redis.kill();
    await eventually(async () => {
      const { status, body } = await alone.call("GET", "/readyz");
      expect([status, body]).toMatchObject([503, { status: "unready" }]);
      expect(body).toMatchObject({ unready: expect.arrayContaining(["redis"]) });
    });
    expect((await alone.call("GET", "/healthz")).status).toBe(200);
    await redis.start();
    await eventually(async () => expect((await alone.call("GET", "/readyz")).status).toBe(200));
  });

  it("reads metrics as text, and finds submissions counted by outcome", async () => {
    const counted = async (): Promise<number> => {
      const { headers, body } = await server.call<string>("GET", "/metrics");
      expect(headers.get("content-type")).toMatch(/^text\/plain/);
      const found = /^rankwire_submissions_total\{outcome="accepted"\} (\d+)$/m.exec(body);
      return Number(found?.[1] ?? 0);
    };
    const before = await counted();
    const submissions = ["a", "b", "c"].map((member) => ({ member: `metrics-${member}`, score: 1 }));
    const body = { submissions };
    await server.call("POST", `/v1/boards/${board}/scores`, { key: SERVER_KEY, body });
    expect(await counted()).toBe(before + 3);
    const { body: text } = await server.call<string>("GET", "/metrics");
    for (const name of ["sockets", "sse_readers", "frames_sent_total", "feed_gaps_total"]) {
      expect(text).toMatch(new RegExp(`^# HELP rankwire_${name} .+\n# TYPE rankwire_${name} `, "m"));
    }
  });
});
