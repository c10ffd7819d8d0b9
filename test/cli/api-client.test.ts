/** The commands' HTTP client against a real server, a stranger's, and none. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ApiClient } from "../../server/cli/api-client.ts";
import { failureText } from "../../server/cli/api-failure.ts";
import { targetOf } from "../../server/cli/api-target.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl } from "../support/shared-redis.ts";

let server: TestServer;
let admin: ApiClient;
beforeAll(async () => {
  server = await startServer(sharedRedisUrl());
  admin = new ApiClient({ url: server.url, key: ADMIN_KEY });
});
afterAll(() => server.stop());

/** A port where somebody else answers, each time with the next answer. */
async function stranger(
  ...answers: { status: number; text: string; location?: string }[]
): Promise<{ url: string; calls: () => number; close: () => void }> {
  let calls = 0;
  const listening: Server = createServer((_, response) => {
    const { status, text, location } = answers[Math.min(calls++, answers.length - 1)]!;
    // Closed each time, so that nobody is there as soon as it stops.
    response.writeHead(status, { connection: "close", ...(location ? { location } : {}) }).end(text);
  });
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const { port } = listening.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, calls: () => calls, close: () => listening.close() };
}

const refusal = (code: string, retryable: boolean) => ({
  status: 503,
  text: JSON.stringify({
    error: { code, message: "Not now.", remediation: "Wait.", retryable, retryAfterMs: 1 },
  }),
});
const done = { status: 200, text: "{}" };

describe("a call", () => {
  test("gives the answer, and takes what the server refuses for its code, message and remedy", async () => {
    await admin.call("PUT", "/v1/admin/boards/race", { body: { operator: "best" } });
    expect(await admin.call("GET", "/v1/boards/race")).toMatchObject({ board: "race", operator: "best" });
    const failing = admin.call("GET", "/v1/boards/no-such");
    await expect(failing).rejects.toMatchObject({ status: 404, body: { code: "board_not_found" } });
    const text = failureText(await failing.catch((error: unknown) => error));
    expect(text).toMatch(/^board_not_found: .+\n.+\nrequest: .+$/s);
  });

  test("says where a key would go when there is none, and not to whom is refused for the role", async () => {
    const body = async (key?: string) =>
      new ApiClient({ url: server.url, key }).call("GET", "/v1/admin/boards").catch((error) => error.body);
    expect(await body()).toMatchObject({
      code: "unauthorized",
      remediation: expect.stringContaining("RANKWIRE_KEY"),
    });
    expect(await body(SERVER_KEY)).toMatchObject({ code: "forbidden" });
  });

  test("is repeated while the server says that it may be; a POST only where nothing was done, or twice does no harm", async () => {
    const cases = [
      { method: "GET", code: "unavailable", repeatable: undefined, calls: 2 },
      { method: "POST", code: "unavailable", repeatable: undefined, calls: 1 },
      { method: "POST", code: "unavailable", repeatable: true, calls: 2 },
      { method: "POST", code: "limited", repeatable: undefined, calls: 2 },
    ];
    for (const { method, code, repeatable, calls } of cases) {
      const there = await stranger(refusal(code, true), done);
      const client = new ApiClient({ url: there.url, key: undefined });
      await client.call(method, "/", { ...(repeatable ? { repeatable } : {}) }).catch(() => undefined);
      expect(there.calls(), `${method} ${code}`).toBe(calls);
      there.close();
    }
  });

  test("tells nobody there from somebody else there, and follows no redirect with the key", async () => {
    const there = await stranger({ status: 200, text: "<html>" });
    const code = (url: string) =>
      new ApiClient({ url, key: "k" }).call("GET", "/").then(
        () => "fine",
        (error) => error.body.code,
      );
    expect(await code(there.url)).toBe("not_rankwire");
    const elsewhere = await stranger({ status: 307, text: "", location: there.url });
    const before = there.calls();
    expect(await code(elsewhere.url)).toBe("unreachable");
    expect(there.calls()).toBe(before);
    elsewhere.close();
    there.close();
    expect(await code(there.url)).toBe("unreachable");
  });
});

describe("a list", () => {
  test("comes whole, over its pages", async () => {
    for (const id of ["a", "b", "c"]) await server.createBoard(`page-${id}`, { operator: "best" });
    const found: string[] = [];
    for await (const { board } of admin.lines<{ board: string }>("/v1/admin/boards", "boards", { limit: 2 }))
      found.push(board);
    expect(found.filter((id) => id.startsWith("page-"))).toEqual(["page-a", "page-b", "page-c"]);
  });
});

describe("a stream", () => {
  test("goes up as it is read, and comes down as it is sent", async () => {
    await server.createBoard("stream", { operator: "best" });
    async function* pieces() {
      yield '{"submissions":[';
      yield '{"member":"ann","score":5}';
      yield new TextEncoder().encode("]}");
    }
    const path = "/v1/boards/stream/scores";
    const answer = await admin.upload(path, { contentType: "application/json", body: pieces() });
    expect(await answer.json()).toMatchObject({ counts: { accepted: 1 } });
    const stop = new AbortController();
    const feed = await admin.download("/v1/boards/stream/feed", { query: { view: 10 }, signal: stop.signal });
    const { value } = await feed.body!.getReader().read();
    expect(new TextDecoder().decode(value)).toContain("event: snapshot");
    stop.abort();
  });

  test("that breaks off where it is read from fails with that", async () => {
    async function* broken() {
      yield '{"submissions":[';
      throw new Error("the disk is gone");
    }
    const sent = admin.upload("/v1/boards/stream/scores", {
      contentType: "application/json",
      body: broken(),
    });
    await expect(sent).rejects.toThrow("the disk is gone");
  });
});

describe("whom a command talks to", () => {
  test("is the environment's server, or that of its options; a key is never an argument", async () => {
    const env = { RANKWIRE_URL: "http://here:1/", RANKWIRE_KEY: "secret" };
    expect(await targetOf({}, env)).toEqual({ url: "http://here:1", key: "secret" });
    expect(await targetOf({ url: "https://there" }, {})).toEqual({ url: "https://there", key: undefined });
    expect(await targetOf({}, { RANKWIRE_URL: "", RANKWIRE_KEY: "" })).toMatchObject({
      url: "http://127.0.0.1:8080",
      key: undefined,
    });
    await expect(targetOf({ key: "secret" }, env)).rejects.toThrow("ps");
    await expect(targetOf({ url: "there" }, env)).rejects.toThrow("not the address");
    await expect(targetOf({ keyFile: "/no/such" }, env)).rejects.toThrow("cannot be read");
  });
});
