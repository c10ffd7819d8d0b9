import { describe, expect, it } from "vitest";
import { liveScene, members, resumeReply, snapshotReply } from "./following.ts";
import { settle } from "./manual-environment.ts";
import { connectedScene, frameOf, row } from "./samples.ts";

describe("a top store", () => {
  it("loads, is live with the first snapshot, and follows frames", async () => {
    const { client, transport } = await connectedScene();
    const top = client.board("f1").top({ limit: 10 });
    expect(top.getSnapshot()).toMatchObject({ status: "loading", entries: [], total: 0 });
    let changes = 0;
    top.subscribe(() => changes++);
    await settle();
    expect(transport.waiting("subscribe")).toEqual([{ board: "f1", kind: "top", view: 10 }]);
    transport.answer("subscribe", snapshotReply(1, [row("a", 10)]));
    await settle();
    expect(top.getSnapshot()).toMatchObject({
      status: "live",
      position: { epoch: "e1", offset: 1 },
      total: 1,
    });
    transport.emit("frame", frameOf(2, [row("b", 20)], { total: 2 }));
    expect(top.getSnapshot().entries).toEqual([
      { rank: 1, member: "b", score: 20 },
      { rank: 2, member: "a", score: 10 },
    ]);
    expect(top.getSnapshot()).toMatchObject({ total: 2, position: { offset: 2 }, info: { board: "f1" } });
    expect(changes).toBe(2);
  });

  it("gives the same snapshot until something changes, and the same store for the same limit", async () => {
    const { client, top, transport } = await liveScene();
    expect(client.board("f1").top({ limit: 10 })).toBe(top);
    const before = top.getSnapshot();
    expect(top.getSnapshot()).toBe(before);
    transport.emit("frame", frameOf(1, [row("z", 1)]));
    transport.emit("frame", frameOf(2, [row("z", 1)], { board: "f2" }));
    transport.emit("frame", frameOf(2, [row("z", 1)], { view: 100 }));
    expect(top.getSnapshot()).toBe(before);
    transport.emit("frame", frameOf(2, [row("b", 20)]));
    expect(top.getSnapshot()).not.toBe(before);
  });

  it.each([
    [1, 10],
    [10, 10],
    [11, 100],
    [100, 100],
    [101, "all"],
    [5000, "all"],
  ] as const)("of %i follows the view %s", async (limit, view) => {
    const { client, transport } = await connectedScene();
    client
      .board("f1")
      .top({ limit })
      .subscribe(() => {});
    expect(transport.waiting("subscribe")).toMatchObject([{ view }]);
  });

  it("refuses a limit that is no whole number from one up", async () => {
    const { client } = await connectedScene();
    for (const limit of [0, -1, 1.5, Number.NaN])
      expect(() => client.board("f1").top({ limit })).toThrow("whole number");
  });

  it("shares one wire subscription with others of its view, and leaves when the last listener has left", async () => {
    const { client, transport, environment, top, stop } = await liveScene();
    const three = client.board("f1").top({ limit: 3 });
    const stopThree = three.subscribe(() => {});
    await settle();
    expect(transport.sent.map(({ event }) => event)).toEqual(["subscribe"]);
    expect(members(three)).toEqual(["a"]);
    stop();
    stop();
    await environment.advance(10_000);
    transport.emit("frame", frameOf(2, [row("b", 20)]));
    expect(members(three)).toEqual(["b", "a"]);
    stopThree();
    await environment.advance(1000);
    expect(transport.waiting("unsubscribe")).toEqual([{ board: "f1", kind: "top", view: 10 }]);
    expect(top.getSnapshot().status).toBe("stale");
  });

  it("asks for nothing when a listener comes back at once, and resumes when one comes back late", async () => {
    const { transport, environment, top, stop } = await liveScene();
    stop();
    const again = top.subscribe(() => {});
    await environment.advance(10_000);
    expect(transport.open).toEqual([]);
    again();
    await environment.advance(1000);
    top.subscribe(() => {});
    transport.answer("unsubscribe", {});
    await settle();
    expect(transport.waiting("subscribe")).toMatchObject([{ position: { epoch: "e1", offset: 1 } }]);
    transport.answer("subscribe", resumeReply(frameOf(2, [row("b", 20)])));
    await settle();
    expect(top.getSnapshot().status).toBe("live");
    expect(members(top)).toEqual(["b", "a"]);
  });

  it("stays subscribed when its answer finds nobody for a moment", async () => {
    const { client, transport, environment } = await connectedScene();
    const top = client.board("f1").top();
    top.subscribe(() => {})();
    transport.answer("subscribe", snapshotReply(1, [row("a", 10)]));
    await settle();
    top.subscribe(() => {});
    await environment.advance(10_000);
    expect(transport.sent.map(({ event }) => event)).toEqual(["subscribe"]);
    expect(top.getSnapshot().status).toBe("live");
  });

  it("keeps other listeners and itself going when a listener throws", async () => {
    const thrown: unknown[] = [];
    const uncaught = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.once("uncaughtException", (error) => thrown.push(error));
    const { transport, top } = await liveScene();
    const stop = top.subscribe(() => {
      throw new Error("the page's fault");
    });
    let heard = 0;
    top.subscribe(() => heard++);
    transport.emit("frame", frameOf(2, [row("b", 20)]));
    stop();
    await settle();
    for (const listener of uncaught) process.on("uncaughtException", listener);
    expect([heard, thrown]).toEqual([1, [new Error("the page's fault")]]);
    expect(members(top)).toEqual(["b", "a"]);
  });
});
