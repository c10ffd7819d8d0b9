/** Webhooks of a whole server: made over the API, told of the top by real submissions, in the audit trail, and nothing to an idle server. */
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { webhooksVersionKey } from "../../server/redis/keys.ts";
import { commandConnection } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { eventually } from "../support/eventually.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, testRunFolder, uniqueBoard } from "../support/shared-redis.ts";
import {
  answers,
  isSigned,
  type Received,
  type Receiver,
  startReceiver,
} from "../support/webhook-receiver.ts";

const key = ADMIN_KEY;
const SETTINGS = { ROLES: "gateway,merger,seasons", WEBHOOK_POLL_MS: "50", TOP_EVENTS_MS: "50" };
const SEASONS = { SEASON_PREOPEN_MS: "200", SEASON_GRACE_MS: "200", SEASON_LOOK_MS: "50" };
type Made = { id: string; secret: string; error: { code: string; message: string } };
type Deliveries = { deliveries: { delivery: string; state: string; lastStatus: number }[]; cursor?: string };

test("the receiver of docs/webhooks.md tells what is ours, and outlives what it cannot handle", async () => {
  const block = /<!-- test\/webhooks[^\n]*\n```ts\n([\s\S]*?)```/.exec(
    readFileSync("docs/webhooks.md", "utf8"),
  );
  const handled = `const onceFor = async (delivery, { type }) => { if (type !== "good") throw new Error(delivery); };\n`;
  const told = "listen(0, '127.0.0.1', function () { console.log(this.address().port); })";
  const program = handled + block![1]!.replace("listen(3000)", told);
  const receiver = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    env: { ...process.env, WEBHOOK_SECRET: "whsec_a" },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [port] = await once(receiver.stdout, "data");
  const send = async (type: string, secret: string) => {
    const body = JSON.stringify({ type });
    const t = Math.floor(Date.now() / 1000);
    const v1 = createHmac("sha256", secret).update(`${t}.${body}`).digest("hex");
    const headers = { "rankwire-delivery": "one", "rankwire-signature": `t=${t},v1=${v1}` };
    return (await fetch(`http://127.0.0.1:${Number(port)}`, { method: "POST", headers, body })).status;
  };
  expect(await send("good", "whsec_a")).toBe(204);
  expect(await send("good", "whsec_b")).toBe(401);
  expect(await send("bad", "whsec_a")).toBe(500);
  expect(await send("good", "whsec_a")).toBe(204);
  receiver.kill();
  await once(receiver, "exit");
});

// Before the others: boards of theirs whose seasons are over make the role `seasons` ask the database.
describe("an idle server", () => {
  let server: TestServer;
  let dataDir: string;
  beforeAll(async () => {
    const redis = await commandConnection(sharedRedisUrl());
    await redis.del(webhooksVersionKey);
    redis.disconnect();
    dataDir = mkdtempSync(join(testRunFolder(), "idle-"));
    server = await startServer(sharedRedisUrl(), { ...SETTINGS, DATA_DIR: dataDir, WEBHOOK_POLL_MS: "20" });
  });
  afterAll(() => server.stop());

  test.each([
    [{ url: "http://127.0.0.1/" }, "WEBHOOK_PRIVATE_TARGETS"],
    [{ url: "http://[::1]:9/" }, "WEBHOOK_PRIVATE_TARGETS"],
    [{ url: "http://[::127.0.0.1]/" }, "WEBHOOK_PRIVATE_TARGETS"],
    [{ url: "http://[100:0:0:1::1]/" }, "WEBHOOK_PRIVATE_TARGETS"],
    [{ url: "ftp://example.com/" }, "http"],
    [{ url: "http://example.com/\0" }, "control characters"],
    [{ url: "https://me:pw@example.com/" }, "credentials"],
    [{ url: "https://example.com/", events: ["top.frist"] }, "events"],
    [{ url: "https://example.com/", boards: ["a b"] }, "boards"],
  ])("refuses %j, and says why", async (body, why) => {
    const { status, body: answer } = await server.call<Made>("POST", "/v1/admin/webhooks", { key, body });
    expect(status).toBe(400);
    expect(JSON.stringify(answer.error)).toContain(why);
  });

  test("without endpoints opens no database", async () => {
    await server.createBoard(uniqueBoard("idle"), { operator: "set" });
    // Many looks go by meanwhile; the first that asked the database would have made its folder.
    for (let i = 0; i < 50; i++) await server.call("GET", "/healthz");
    expect(existsSync(join(dataDir, "database"))).toBe(false);
  });
});

describeOnBoth("a server with webhooks", (store) => {
  let server: TestServer;
  let receiver: Receiver;

  beforeAll(async () => {
    receiver = await startReceiver();
    const more = { WEBHOOK_PRIVATE_TARGETS: "true", WEBHOOK_BACKOFF_MS: "100000" };
    server = await startServer(sharedRedisUrl(), { ...store.settings(), ...SETTINGS, ...SEASONS, ...more });
    await server.running.database.ready();
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    await receiver.close();
  });

  const make = async (body: object) =>
    (await server.call<Made>("POST", "/v1/admin/webhooks", { key, body: { url: receiver.url, ...body } }))
      .body;
  const submit = (board: string, scores: Record<string, number>) =>
    server.call("POST", `/v1/boards/${board}/scores`, {
      key: SERVER_KEY,
      body: { submissions: Object.entries(scores).map(([member, score]) => ({ member, score })) },
    });
  const told = (board: string): unknown[] =>
    receiver.received
      .filter(({ body }) => body.board === board)
      .map(({ type, body: { season, data } }) => `${season} ${type} ${data.member} ${data.rank}`)
      .sort();

  test("tells a listener who comes into the top, who leaves it and who leads, live and over a rollover", async () => {
    const board = uniqueBoard("tops");
    const { secret } = await make({
      boards: [`${board.slice(0, -1)}*`],
      events: ["top.first", "top.entered", "top.left"],
    });
    await eventually(() => expect(receiver.received).toEqual([]));
    await server.createBoard(board, { operator: "set", shards: 2, webhookTop: 2 });
    await submit(board, { a: 30 });
    const one = [`1 top.entered a 1`, `1 top.first a 1`];
    await eventually(() => expect(told(board)).toEqual(one));
    await submit(board, { b: 20, c: 10 });
    const two = [`1 top.entered b 2`];
    await eventually(() => expect(told(board)).toEqual([...one, ...two].sort()));
    await server.call("POST", `/v1/admin/boards/${board}/members/a/hide`, { key, body: { reason: "bot" } });
    const three = ["1 top.entered c 2", "1 top.first b 1", "1 top.left a null"];
    await eventually(() => expect(told(board)).toEqual([...one, ...two, ...three].sort()));
    // Another N is nobody's coming or going.
    await server.call("PATCH", `/v1/admin/boards/${board}`, { key, body: { webhookTop: 1 } });
    await server.call("POST", `/v1/admin/boards/${board}/rollover`, { key, body: { season: 1 } });
    await eventually(async () => {
      const { body } = await server.call<{ season: { number: number } }>("GET", `/v1/boards/${board}`);
      expect(body.season.number).toBe(2);
    });
    await submit(board, { z: 1 });
    const four = ["2 top.entered z 1", "2 top.first z 1"];
    await eventually(() => expect(told(board)).toEqual([...one, ...two, ...three, ...four].sort()));
    const [first] = receiver.received.filter(({ body }) => body.board === board);
    expect(isSigned(first!, secret, Date.now())).toBe(true);
  });

  test("shows a secret once, changes and removes endpoints, and has all of it in the audit trail", async () => {
    const made = await make({ boards: ["nobody"] });
    const at = `/v1/admin/webhooks/${made.id}`;
    const one = await server.call<Made>("GET", at, { key });
    expect(JSON.stringify(one.body)).not.toContain(made.secret.slice(6));
    expect(JSON.stringify((await server.call("GET", "/v1/admin/webhooks", { key })).body)).not.toContain(
      "whsec_",
    );
    const rotated = await server.call<Made>("POST", `${at}/rotate`, { key, body: { overlapMs: 60_000 } });
    expect(rotated.body.secret).not.toBe(made.secret);
    await server.call("PATCH", at, { key, body: { disabled: true } });
    await server.call("DELETE", at, { key });
    expect((await server.call<Made>("GET", at, { key })).body.error.code).toBe("not_found");
    const actions = ["webhook.create", "webhook.rotate", "webhook.patch", "webhook.delete"];
    await eventually(async () => {
      const { body } = await server.call<{ records: { action: string; details: unknown }[] }>(
        "GET",
        "/v1/admin/audit?limit=200",
        { key },
      );
      const ours = body.records.filter(({ details }) => JSON.stringify(details).includes(made.id));
      expect(ours.map(({ action }) => action).reverse()).toEqual(actions);
      expect(JSON.stringify(body)).not.toContain("whsec_");
    });
  });

  test("lists deliveries by state in pages, sends a test, and sends again what failed", async () => {
    const { id, secret } = await make({ boards: ["nobody"], events: ["season.closed"] });
    const at = `/v1/admin/webhooks/${id}`;
    const mine = ({ body }: Received): boolean => body.data.endpoint === id;
    receiver.respond = answers.failure;
    for (let i = 0; i < 3; i++) await server.call("POST", `${at}/test`, { key });
    const failed = await receiver.until(3, mine);
    expect(failed.every((one) => one.type === "webhook.test" && isSigned(one, secret, Date.now()))).toBe(
      true,
    );
    const page = async (query: string) =>
      (await server.call<Deliveries>("GET", `${at}/deliveries?${query}`, { key })).body;
    await eventually(async () => {
      const { deliveries } = await page("state=pending");
      expect(deliveries.map(({ lastStatus }) => lastStatus)).toEqual([500, 500, 500]);
    });
    const first = await page("limit=2");
    const second = await page(`limit=2&cursor=${first.cursor}`);
    expect([...first.deliveries, ...second.deliveries].map(({ delivery }) => delivery).sort()).toEqual(
      failed.map(({ delivery }) => delivery).sort(),
    );
    expect([first.cursor !== undefined, second.cursor]).toEqual([true, undefined]);
    receiver.respond = answers.ok;
    const { delivery } = failed[0]!;
    await server.call("POST", `/v1/admin/deliveries/${delivery}/replay`, { key });
    await receiver.until(2, (one) => one.delivery === delivery);
    await eventually(async () =>
      expect((await page("state=delivered")).deliveries).toMatchObject([{ delivery }]),
    );
    const { body } = await server.call<string>("GET", "/metrics");
    expect(body).toMatch(/rankwire_webhook_attempts_total\{outcome="delivered"\} [1-9]/);
  });
});
