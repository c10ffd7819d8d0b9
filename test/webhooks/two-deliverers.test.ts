/** Several deliverers: a delivery is one's at a time, and one that dies with it leaves it to the other, under the same id. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DeliveryStore } from "../../server/webhooks/delivery-store.ts";
import { commandConnection } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { WebhookDesk } from "../support/webhook-desk.ts";
import { answers, type Receiver, startReceiver } from "../support/webhook-receiver.ts";

const COUNT = 60;

describeOnBoth("two deliverers", (store) => {
  let redis: Redis;
  let desk: WebhookDesk;
  let receiver: Receiver;

  beforeAll(async () => {
    redis = await commandConnection(sharedRedisUrl());
    const database = store.open();
    await database.ready();
    desk = new WebhookDesk(redis, database);
    receiver = await startReceiver();
  }, 60_000);
  afterAll(async () => {
    await receiver.close();
    redis.disconnect();
  });

  test("share the work, and nothing is sent twice while both live", async () => {
    const board = uniqueBoard("hook");
    const { id } = await desk.endpoint(receiver.url, board);
    await desk.tell(board, COUNT);
    const both = [desk.deliverer(), desk.deliverer()];
    for (const one of both) one.start();
    await receiver.until(COUNT);
    for (const one of both) await one.stop();
    expect(receiver.received).toHaveLength(COUNT);
    expect(new Set(receiver.received.map(({ delivery }) => delivery)).size).toBe(COUNT);
    expect(
      (await desk.rows(id)).every(({ state, attempts }) => state === "delivered" && attempts === 1),
    ).toBe(true);
    await desk.endpoints.remove(id);
  });

  test("send it at least once when one dies before it could note what came of it, and the id is the same", async () => {
    const board = uniqueBoard("hook");
    const { id } = await desk.endpoint(receiver.url, board);
    receiver.received = [];
    await desk.tell(board);
    // What it cannot note any more is as if it had died between the answer and the note.
    const own = store.open();
    await own.ready();
    receiver.respond = (_, response) => {
      receiver.respond = answers.ok;
      void own.close().then(() => response.writeHead(204).end());
    };
    await desk.deliver(desk.deliverer({ store: new DeliveryStore(own) }));
    const living = desk.deliverer();
    desk.now += 59_000;
    await desk.deliver(living);
    expect(receiver.received, "while the lease holds").toHaveLength(1);
    desk.now += 2_000;
    await desk.deliver(living);
    expect(receiver.received).toHaveLength(2);
    expect(new Set(receiver.received.map(({ delivery }) => delivery)).size).toBe(1);
    expect(await desk.rows(id)).toMatchObject([{ state: "delivered", attempts: 2 }]);
  });

  test("a late failure of one whose lease ran out undoes nothing", async () => {
    const board = uniqueBoard("hook");
    const { id } = await desk.endpoint(receiver.url, board);
    receiver.received = [];
    const late = new Promise<void>((answerLate) => {
      receiver.respond = (_, response) => {
        receiver.respond = answers.ok;
        void answered.then(() => {
          response.writeHead(500).end();
          answerLate();
        });
      };
    });
    let answer: () => void = () => undefined;
    const answered = new Promise<void>((done) => {
      answer = done;
    });
    await desk.tell(board);
    const [slow, quick] = [desk.deliverer(), desk.deliverer()];
    await slow.step();
    await receiver.until(1);
    desk.now += 61_000;
    await desk.deliver(quick);
    answer();
    await late;
    await slow.idle();
    expect(await desk.rows(id)).toMatchObject([{ state: "delivered", attempts: 2, status: 204 }]);
  });
});
