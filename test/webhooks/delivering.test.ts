/** Deliveries over real HTTP: signed, tried again ever later, given up, sent again, and never to where they may not go. */
import type { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { commandConnection } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { WebhookDesk } from "../support/webhook-desk.ts";
import { answers, isSigned, type Receiver, startReceiver } from "../support/webhook-receiver.ts";

describeOnBoth("a webhook", (store) => {
  let redis: Redis;
  let desk: WebhookDesk;
  let receiver: Receiver;
  let other: Receiver;
  let board: string;

  beforeAll(async () => {
    redis = await commandConnection(sharedRedisUrl());
    const database = store.open();
    await database.ready();
    desk = new WebhookDesk(redis, database);
    [receiver, other] = [await startReceiver(), await startReceiver()];
  }, 60_000);
  afterAll(async () => {
    await receiver.close();
    await other.close();
    redis.disconnect();
  });
  beforeEach(() => {
    board = uniqueBoard("hook");
    for (const one of [receiver, other]) Object.assign(one, { received: [], respond: answers.ok });
  });
  afterEach(async () => {
    for (const { id } of await desk.endpoints.all()) await desk.endpoints.remove(id);
  });

  test("is signed so that who has the secret knows who wrote it, and when", async () => {
    const { id, secret } = await desk.endpoint(`${receiver.url}/in?a=b`, board);
    await desk.tell(board);
    await desk.deliver(desk.deliverer());
    const [one] = receiver.received;
    expect(receiver.received).toHaveLength(1);
    expect(one).toMatchObject({
      path: "/in?a=b",
      type: "season.closed",
      body: { type: "season.closed", board, season: 1, data: { name: "Ünïcode 🏎" } },
    });
    expect(isSigned(one!, secret, desk.now)).toBe(true);
    expect(isSigned(one!, `${secret}x`, desk.now)).toBe(false);
    expect(isSigned({ ...one!, text: one!.text.replace("1", "2") }, secret, desk.now)).toBe(false);
    expect(isSigned(one!, secret, desk.now + 301_000)).toBe(false);
    expect(await desk.rows(id)).toEqual([
      { id: one!.delivery, state: "delivered", attempts: 1, status: 204, error: null },
    ]);
  });

  test("is signed with both secrets while a rotation overlaps, and with the new one alone afterwards", async () => {
    const before = await desk.endpoint(receiver.url, board);
    const after = await desk.endpoints.rotate(before.id, 60_000);
    await desk.tell(board);
    await desk.deliver(desk.deliverer());
    const [during] = receiver.received;
    expect(during!.signature.match(/v1=/g)).toHaveLength(2);
    for (const { secret } of [before, after]) expect(isSigned(during!, secret, desk.now)).toBe(true);
    desk.now += 120_000;
    await desk.tell(board);
    await desk.deliver(desk.deliverer());
    const past = receiver.received[1]!;
    expect([before, after].map(({ secret }) => isSigned(past, secret, desk.now))).toEqual([false, true]);
  });

  test("is tried again, later each time and under one id, and given up after the last attempt; replay begins anew", async () => {
    const { id } = await desk.endpoint(receiver.url, board);
    const deliverer = desk.deliverer();
    receiver.respond = answers.failure;
    await desk.tell(board);
    for (const [attempts, waitMs] of [1_000, 2_000, 4_000].entries()) {
      await desk.deliver(deliverer);
      expect(receiver.received).toHaveLength(attempts + 1);
      desk.now += waitMs - 1;
      await desk.deliver(deliverer);
      expect(receiver.received, `${waitMs} ms are not over`).toHaveLength(attempts + 1);
      desk.now += 1;
    }
    expect(await desk.rows(id)).toMatchObject([{ state: "pending", status: 500, error: "answered 500" }]);
    await desk.deliver(deliverer);
    desk.now += 3_600_000;
    await desk.deliver(deliverer);
    expect(await desk.rows(id)).toMatchObject([{ state: "dead", attempts: 4, status: 500 }]);
    expect(receiver.received).toHaveLength(4);
    receiver.respond = answers.ok;
    expect(await desk.deliveries.replay(receiver.received[0]!.delivery)).toEqual({ endpoint: id });
    await desk.deliver(deliverer);
    expect(await desk.rows(id)).toMatchObject([
      { state: "delivered", attempts: 1, status: 204, error: null },
    ]);
    expect(new Set(receiver.received.map(({ delivery }) => delivery)).size).toBe(1);
    expect(new Set(receiver.received.map(({ text }) => text)).size).toBe(1);
  });

  test("waits while its endpoint is disabled, and hears nothing of what happens meanwhile", async () => {
    const { id } = await desk.endpoint(receiver.url, board);
    await desk.tell(board);
    await desk.endpoints.patch(id, { disabled: true });
    await desk.tell(board);
    const deliverer = desk.deliverer();
    await desk.deliver(deliverer);
    expect(receiver.received).toEqual([]);
    await desk.endpoints.patch(id, { disabled: false, url: other.url });
    await desk.deliver(deliverer);
    expect([receiver.received.length, other.received.length]).toEqual([0, 1]);
  });

  test.each([
    ["a field that is not about listening", {}, { description: "new" }, false],
    ["disabled, then enabled", { disabled: true }, { disabled: false }, true],
    ["enabled, which it is", {}, { disabled: false }, false],
    ["events of seasons too", { events: ["top.first"] }, { events: ["top.first", "season.closed"] }, false],
    ["another event of tops", { events: ["top.first"] }, { events: ["top.first", "top.left"] }, true],
    ["all events", { events: ["top.first"] }, { events: [] }, true],
    ["fewer events", {}, { events: ["top.first"] }, false],
    ["fewer boards", { boards: ["f*"] }, { boards: ["f1", "f2*"] }, false],
    ["more boards", { boards: ["f1*"] }, { boards: ["f*"] }, true],
    ["all boards", { boards: ["f1"] }, { boards: [] }, true],
    [
      "all boards, but none of their tops",
      { boards: ["f1"], events: ["season.closed"] },
      { boards: [] },
      false,
    ],
  ])("patched: %s; listens to tops since then only where it hears of more", async (_, before, patch, isAnew) => {
    const { id } = await desk.endpoint(receiver.url, board);
    const { listens_since: since } = await desk.endpoints.patch(id, { description: "old", ...before });
    // The clock of both is in ms.
    while (Date.now() <= since.getTime());
    const { listens_since: now } = await desk.endpoints.patch(id, patch);
    expect(now.getTime() > since.getTime()).toBe(isAnew);
  });

  test("does not follow redirects, and reads only so much of an answer", async () => {
    const { id } = await desk.endpoint(receiver.url, board);
    receiver.respond = (_, response) => void response.writeHead(307, { location: other.url }).end();
    await desk.tell(board);
    await desk.deliver(desk.deliverer());
    expect(other.received).toEqual([]);
    expect(await desk.rows(id)).toMatchObject([{ state: "pending", status: 307 }]);
    const closed = new Promise((done) => {
      receiver.respond = (_, response, request) => {
        request.socket.once("close", done);
        const more = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        };
        response.on("drain", more);
        more();
      };
    });
    desk.now += 60_000;
    await desk.deliver(desk.deliverer());
    await closed;
    expect(await desk.rows(id)).toMatchObject([{ state: "delivered", status: 200 }]);
  });

  test.each([
    ["an address", (port: string) => `http://127.0.0.1:${port}/`],
    ["an address in disguise", (port: string) => `http://0x7f.1:${port}/`],
    ["IPv4 mapped into IPv6", (port: string) => `http://[::ffff:127.0.0.1]:${port}/`],
    ["a name", (port: string) => `http://localhost:${port}/`],
  ])("goes nowhere where %s is of this machine, unless that is allowed", async (_, urlOf) => {
    const { id } = await desk.endpoint(urlOf(new URL(receiver.url).port), board);
    await desk.tell(board);
    await desk.deliver(desk.deliverer({ privateTargets: false }));
    expect(receiver.received).toEqual([]);
    expect(await desk.rows(id)).toMatchObject([{ state: "pending", status: null }]);
    expect((await desk.rows(id))[0]!.error).toContain("WEBHOOK_PRIVATE_TARGETS");
    desk.now += 60_000;
    await desk.deliver(desk.deliverer({ privateTargets: true }));
    expect(receiver.received).toHaveLength(1);
  });

  test("to a slow endpoint holds up no other", async () => {
    const slow = await desk.endpoint(receiver.url, board);
    const quick = await desk.endpoint(other.url, board);
    receiver.respond = answers.never;
    await desk.tell(board, 20);
    const deliverer = desk.deliverer({ limits: { timeoutMs: 60_000, ...LIMITS } });
    deliverer.start();
    await other.until(20);
    await receiver.until(4);
    expect(receiver.received, "only so many attempts at a time").toHaveLength(4);
    expect((await desk.rows(slow.id)).filter(({ state }) => state === "delivered")).toEqual([]);
    expect(new Set(other.received.map(({ delivery }) => delivery)).size).toBe(20);
    const stopping = deliverer.stop();
    await receiver.close();
    await stopping;
    receiver = await startReceiver();
    expect((await desk.rows(quick.id)).every(({ state }) => state === "delivered")).toBe(true);
  });

  test("to an endpoint that would switch protocols has been answered, and is tried again", async () => {
    const { id } = await desk.endpoint(receiver.url, board);
    const text = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n";
    receiver.respond = (_, __, request) => void request.socket.write(text);
    await desk.tell(board);
    await desk.deliver(desk.deliverer());
    expect(await desk.rows(id)).toMatchObject([{ state: "pending", status: 101, error: "answered 101" }]);
  });

  test("that nobody answers in time is tried again", async () => {
    const { id } = await desk.endpoint(receiver.url, board);
    receiver.respond = answers.never;
    await desk.tell(board);
    await desk.deliver(desk.deliverer({ limits: { timeoutMs: 50, ...LIMITS } }));
    expect(await desk.rows(id)).toMatchObject([
      { state: "pending", attempts: 1, status: null, error: "no answer within 50 ms" },
    ]);
  });
});

const LIMITS = { responseBytesMax: 65_536, privateTargets: true, resolve: () => undefined };
