import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { settle } from "./manual-environment.ts";
import { connectedScene, infoOf, reconnect, type Scene } from "./samples.ts";
import { accepted, informedScene, scores, submitAll } from "./submitting.ts";

const MINUTE = 60_000;

describe("an unanswered submission", () => {
  it.each([
    "incr",
    "decr",
    "set",
  ] as const)("to a %s board is unconfirmed nine minutes after its first send", async (operator) => {
    const { client, environment } = await informedScene(operator);
    await environment.advance(10_000);
    const result = expect(client.board("f1").submit({ score: 1 })).rejects.toMatchObject({
      code: "unconfirmed",
    });
    await environment.advance(9 * MINUTE - 1);
    expect(environment.timers).toBe(1);
    await environment.advance(1);
    await result;
    expect(environment.timers).toBe(0);
  });

  it("is not sent again past its window, even when the device slept through its timer", async () => {
    const scene = await informedScene("incr");
    const { client, transport, environment } = scene;
    const result = expect(client.board("f1").submit({ score: 1 })).rejects.toMatchObject({
      code: "unconfirmed",
    });
    await settle();
    transport.drop();
    await environment.advance(500);
    environment.sleep(9 * MINUTE);
    transport.accept();
    await result;
    expect(transport.sent.filter(({ event }) => event === "submit")).toHaveLength(1);
  });

  it("to a best board is sent again however late", async () => {
    const scene = await informedScene("best");
    submitAll(scene, 1);
    await settle();
    scene.transport.drop();
    await scene.environment.advance(60 * MINUTE);
    scene.transport.accept();
    await settle();
    expect(scene.transport.waiting("submit")).toMatchObject([{ score: 1, id: "id-1" }]);
  });

  it("is sent again after a timeout on the same connection, with the same id", async () => {
    const scene = await informedScene("incr");
    submitAll(scene, 1);
    await settle();
    scene.transport.timeOut("submit");
    await scene.environment.advance(499);
    expect(scene.transport.waiting("submit")).toEqual([]);
    await scene.environment.advance(1);
    expect(scene.transport.waiting("submit")).toMatchObject([{ id: "id-1" }]);
  });

  it("is unconfirmed when a later send is refused, for the refusal does not speak of the first", async () => {
    const scene = await informedScene("incr");
    const result = expect(scene.client.board("f1").submit({ score: 1 })).rejects.toMatchObject({
      code: "unconfirmed",
      cause: { code: "season_closed" },
    });
    await settle();
    await reconnect(scene);
    scene.transport.answerError("submit", { code: "season_closed" });
    await result;
  });

  it("is unconfirmed when the client is closed; one that never left is closed", async () => {
    const { client } = await informedScene("incr", { inFlightMax: 1 });
    const sent = expect(client.board("f1").submit({ score: 1 })).rejects.toMatchObject({
      code: "unconfirmed",
    });
    const waiting = expect(client.board("f1").submit({ score: 2 })).rejects.toMatchObject({ code: "closed" });
    client.close();
    await sent;
    await waiting;
  });
});

describe("the queue", () => {
  it("sends the oldest first across boards", async () => {
    const scene = await informedScene("incr");
    const other = scene.client.board("f2").info();
    await settle();
    scene.transport.answer("board", { info: infoOf({ board: "f2" }) });
    await other;
    scene.transport.drop();
    for (const [board, score] of [
      ["f2", 1],
      ["f1", 2],
      ["f2", 3],
      ["f1", 4],
    ] as const) {
      scene.client
        .board(board)
        .submit({ score })
        .catch(() => {});
    }
    await scene.environment.advance(500);
    scene.transport.accept();
    await settle();
    expect(scores(scene.transport.waiting("submit"))).toEqual([1, 2, 3, 4]);
  });

  it("keeps no more on the wire than it may, and refuses what it cannot hold", async () => {
    const scene = await informedScene("incr", { inFlightMax: 2, pendingMax: 4 });
    submitAll(scene, 1, 2, 3, 4);
    await expect(scene.client.board("f1").submit({ score: 5 })).rejects.toMatchObject({
      code: "queue_full",
      retryable: true,
    });
    await settle();
    expect(scores(scene.transport.waiting("submit"))).toEqual([1, 2]);
    scene.transport.answer("submit", accepted(1));
    await settle();
    expect(scores(scene.transport.waiting("submit"))).toEqual([2, 3]);
  });

  it.each([
    "overloaded",
    "limited",
    "unavailable",
    "store_lost",
  ] as const)("waits out %s as long as the server says, then goes on in order", async (code) => {
    const scene = await informedScene("incr", { inFlightMax: 1 });
    submitAll(scene, 1, 2);
    await settle();
    scene.transport.answerError("submit", { code, retryable: true, retryAfterMs: 3000 });
    await scene.environment.advance(3499);
    expect(scene.transport.waiting("submit")).toEqual([]);
    await scene.environment.advance(1);
    expect(scene.transport.waiting("submit")).toMatchObject([{ score: 1, id: "id-1" }]);
  });

  it("treats a code it does not know by its retryable", async () => {
    const scene = await informedScene("incr");
    submitAll(scene, 1);
    await settle();
    scene.transport.answerError("submit", { code: "from_the_future" as "internal", retryable: true });
    await scene.environment.advance(500);
    expect(scores(scene.transport.waiting("submit"))).toEqual([1]);
  });

  it("goes on with other boards while one is refused", async () => {
    const scene = await informedScene("incr");
    submitAll(scene, 1);
    await settle();
    scene.transport.answerError("submit", { code: "store_lost", retryable: true, retryAfterMs: 60_000 });
    await settle();
    submitAll(scene, 2);
    scene.client
      .board("f2")
      .submit({ score: 3 })
      .catch(() => {});
    await settle();
    scene.transport.answer("board", { info: infoOf({ board: "f2" }) });
    await settle();
    expect(scores(scene.transport.waiting("submit"))).toEqual([3]);
  });

  it("sends one at a time to a set board, so that the last one wins", async () => {
    const scene = await informedScene("set");
    submitAll(scene, 1, 2);
    await settle();
    expect(scores(scene.transport.waiting("submit"))).toEqual([1]);
    scene.transport.answerError("submit", { code: "overloaded", retryable: true });
    await scene.environment.advance(500);
    expect(scores(scene.transport.waiting("submit"))).toEqual([1]);
    scene.transport.answer("submit", accepted(1));
    await settle();
    expect(scores(scene.transport.waiting("submit"))).toEqual([2]);
  });
});

/** A board that increments, remembers ids for ten minutes and loses what the test tells it to. */
function playServer({ transport }: Scene, totals: { counted: string[] }, chance: number): void {
  while (transport.waiting("board").length > 0) transport.answer("board", { info: infoOf() });
  const [next] = transport.waiting("submit");
  if (!next) return;
  if (chance < 0.3) {
    transport.answerError("submit", { code: "overloaded", retryable: true, retryAfterMs: 10 });
    return;
  }
  const seen = totals.counted.includes(next.id!);
  if (!seen) totals.counted.push(next.id!);
  if (chance < 0.5) transport.drop();
  else
    transport.answer("submit", { season: 1, result: { outcome: seen ? "duplicate" : "accepted", score: 1 } });
}

describe("whatever is lost on the way", () => {
  it("every submission is counted once and answered once", async () => {
    const chances = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(chances, fc.integer({ min: 1, max: 6 }), async (course, count) => {
        const scene = await connectedScene({ inFlightMax: 3 });
        const totals = { counted: [] as string[] };
        const results = Array.from({ length: count }, () => scene.client.board("f1").submit({ score: 1 }));
        const done = Promise.all(results).then(() => "done");
        for (const chance of [...course, ...Array<number>(40).fill(1)]) {
          await settle();
          playServer(scene, totals, chance);
          await scene.environment.advance(1000);
          if (scene.client.state.getSnapshot().status === "connecting") scene.transport.accept();
        }
        expect(await done).toBe("done");
        expect([...totals.counted].sort()).toEqual(results.map((_, i) => `id-${i + 1}`).sort());
        scene.client.close();
      }),
      { numRuns: 40 },
    );
  });
});
