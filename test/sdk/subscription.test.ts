import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Row } from "../../client-sdk/protocol/messages.ts";
import { liveScene, members, resumeReply, snapshotReply } from "./following.ts";
import { settle } from "./manual-environment.ts";
import { connectedScene, frameOf, infoOf, reconnect, row, snapshotOf } from "./samples.ts";

describe("a gap", () => {
  it("stops the view until the answer, which is asked for with the position", async () => {
    const { transport, top } = await liveScene();
    transport.emit("frame", frameOf(3, [row("c", 30)]));
    expect(top.getSnapshot().status).toBe("stale");
    expect(members(top)).toEqual(["a"]);
    expect(transport.waiting("subscribe")).toMatchObject([{ position: { epoch: "e1", offset: 1 } }]);
    transport.answer("subscribe", resumeReply(frameOf(2, [row("b", 20)]), frameOf(3, [row("c", 30)])));
    await settle();
    expect(top.getSnapshot()).toMatchObject({ status: "live", position: { offset: 3 } });
    expect(members(top)).toEqual(["c", "b", "a"]);
  });

  it("of a foreign epoch is answered with a snapshot", async () => {
    const { transport, top } = await liveScene();
    transport.emit("frame", frameOf(2, [row("b", 20)], { epoch: "e2" }));
    expect(members(top)).toEqual(["a"]);
    transport.answer("subscribe", snapshotReply(2, [row("b", 20)], { epoch: "e2" }));
    await settle();
    expect(top.getSnapshot()).toMatchObject({ status: "live", position: { epoch: "e2", offset: 2 } });
    expect(members(top)).toEqual(["b"]);
  });

  it("that comes again and again is asked about at a widening pace", async () => {
    const { transport, environment } = await liveScene();
    for (const waitMs of [0, 500, 1000, 2000]) {
      transport.emit("frame", frameOf(9, [row("c", 30)]));
      if (waitMs > 0) {
        await environment.advance(waitMs - 1);
        expect(transport.waiting("subscribe")).toEqual([]);
        await environment.advance(1);
      }
      transport.answer("subscribe", resumeReply());
      await settle();
    }
  });

  it("is asked about at once again when frames have flowed since the last one", async () => {
    const { transport } = await liveScene();
    for (const offset of [3, 6]) {
      transport.emit("frame", frameOf(offset, [row("c", 30)]));
      transport.answer("subscribe", snapshotReply(offset, [row("c", 30)]));
      await settle();
      transport.emit("frame", frameOf(offset + 1, [row("c", 31)]));
    }
    expect(transport.sent.map(({ event }) => event)).toEqual(["subscribe", "subscribe", "subscribe"]);
  });

  it("in the answer itself is followed by a request for the whole view", async () => {
    const { transport, environment, top } = await liveScene();
    transport.emit("frame", frameOf(3, [row("c", 30)]));
    transport.answer("subscribe", resumeReply(frameOf(3, [row("c", 30)])));
    await environment.advance(500);
    expect(transport.waiting("subscribe")).toEqual([{ board: "f1", kind: "top", view: 10 }]);
    transport.answer("subscribe", snapshotReply(3, [row("c", 30)]));
    await settle();
    expect(members(top)).toEqual(["c"]);
  });
});

describe("what arrives while the answer is awaited", () => {
  it("is applied after it, though the frame is handled first", async () => {
    const { client, transport } = await connectedScene();
    const top = client.board("f1").top({ limit: 10 });
    top.subscribe(() => {});
    transport.answer("subscribe", snapshotReply(4, [row("a", 10)]));
    transport.emit("frame", frameOf(5, [row("b", 20)]));
    await settle();
    expect(top.getSnapshot()).toMatchObject({ status: "live", position: { offset: 5 } });
    expect(members(top)).toEqual(["b", "a"]);
  });

  it("falls away when the answer has it already, snapshots included", async () => {
    const { transport, top } = await liveScene();
    transport.emit("frame", frameOf(3, [row("c", 30)]));
    transport.emit("frame", frameOf(4, [row("c", 31)]));
    transport.emit("snapshot", snapshotOf(4, [row("old", 1)]));
    transport.answer("subscribe", snapshotReply(6, [row("c", 40)]));
    await settle();
    expect(top.getSnapshot()).toMatchObject({ status: "live", position: { offset: 6 } });
    expect(members(top)).toEqual(["c"]);
  });

  it("is asked about again when it does not fit the answer", async () => {
    const { transport, top } = await liveScene();
    transport.emit("frame", frameOf(3, [row("c", 30)]));
    transport.answer("subscribe", snapshotReply(6, [row("c", 30)]));
    transport.emit("frame", frameOf(9, [row("d", 40)]));
    await settle();
    expect(top.getSnapshot().status).toBe("stale");
    expect(members(top)).toEqual(["c"]);
  });

  it("leaves the view as the server has it, in whatever order answer and frames are handled", async () => {
    const plan = fc.record({
      answeredAt: fc.integer({ min: 1, max: 8 }),
      lost: fc.uniqueArray(fc.integer({ min: 2, max: 8 })),
    });
    await fc.assert(
      fc.asyncProperty(plan, async ({ answeredAt, lost }) => {
        const { transport, environment, top, client } = await liveScene();
        const rowsAt = (offset: number): Row[] =>
          Array.from({ length: offset }, (_, i) => row(`m${offset - i}`, offset - i));
        for (let offset = 2; offset <= 8; offset++) {
          if (!lost.includes(offset))
            transport.emit("frame", frameOf(offset, rowsAt(offset), { drop: ["a"] }));
          const open = transport.waiting("subscribe").length > 0;
          if (open && offset >= answeredAt)
            transport.answer("subscribe", snapshotReply(offset, rowsAt(offset)));
          if (offset % 3 === 0) await settle();
        }
        transport.emit("frame", frameOf(9, rowsAt(9), { drop: ["a"] }));
        for (let i = 0; i < 8; i++) {
          await environment.advance(30_000);
          if (transport.waiting("subscribe").length > 0)
            transport.answer("subscribe", snapshotReply(9, rowsAt(9)));
        }
        expect(top.getSnapshot()).toMatchObject({ status: "live", position: { offset: 9 } });
        expect(members(top)).toEqual(rowsAt(9).map(([member]) => member));
        client.close();
      }),
      { numRuns: 60 },
    );
  });
});

describe("a snapshot from the server", () => {
  it("replaces the view whatever its position", async () => {
    const { transport, top } = await liveScene();
    transport.emit("snapshot", snapshotOf(0, [row("z", 5)], { epoch: "e2" }));
    expect(top.getSnapshot()).toMatchObject({ status: "live", position: { epoch: "e2", offset: 0 } });
    expect(members(top)).toEqual(["z"]);
  });

  it("of another season is asked for with its rules", async () => {
    const { transport, top } = await liveScene();
    transport.emit("snapshot", snapshotOf(0, [], { epoch: "e2", season: 2 }));
    expect(transport.waiting("subscribe")).toHaveLength(1);
    const snapshot = snapshotOf(0, [], { epoch: "e2", season: 2 });
    transport.answer("subscribe", { info: infoOf({ ties: "earliest" }, 2), mode: "snapshot", snapshot });
    await settle();
    expect(top.getSnapshot()).toMatchObject({ status: "live", entries: [], info: { ties: "earliest" } });
  });
});

describe("a lost connection", () => {
  it("leaves the entries standing as stale, and resumes with the position", async () => {
    const scene = await liveScene();
    scene.transport.drop();
    expect(scene.top.getSnapshot()).toMatchObject({ status: "stale", position: { offset: 1 } });
    expect(members(scene.top)).toEqual(["a"]);
    await scene.environment.advance(500);
    scene.transport.accept();
    await settle();
    expect(scene.transport.waiting("subscribe")).toMatchObject([{ position: { epoch: "e1", offset: 1 } }]);
    scene.transport.answer("subscribe", resumeReply());
    await settle();
    expect(scene.top.getSnapshot().status).toBe("live");
  });

  it("makes the answer to an older request worthless", async () => {
    const { client, transport, environment } = await connectedScene();
    const top = client.board("f1").top();
    top.subscribe(() => {});
    const late = transport.open[0]!;
    transport.open.length = 0;
    transport.drop();
    await environment.advance(500);
    transport.accept();
    late.answer({ ok: true, ...snapshotReply(9, [row("late", 1)]) });
    await settle();
    expect(top.getSnapshot()).toMatchObject({ status: "loading", entries: [] });
  });
});

describe("a refused subscribe", () => {
  it("is tried again when that may help, and says meanwhile why it waits", async () => {
    const { client, transport, environment } = await connectedScene();
    const top = client.board("f1").top();
    top.subscribe(() => {});
    transport.answerError("subscribe", { code: "unavailable", retryable: true, retryAfterMs: 1000 });
    await settle();
    expect(top.getSnapshot()).toMatchObject({ status: "loading", error: { code: "unavailable" } });
    await environment.advance(1500);
    transport.answer("subscribe", snapshotReply(1, []));
    await settle();
    expect(top.getSnapshot()).toMatchObject({ status: "live", error: undefined });
  });

  it("is an error when it may not, until somebody subscribes anew or the connection comes back", async () => {
    const scene = await connectedScene();
    const { client, transport, environment } = scene;
    const top = client.board("f1").top();
    top.subscribe(() => {});
    for (const again of [() => void top.subscribe(() => {}), () => reconnect(scene)]) {
      transport.answerError("subscribe", { code: "board_not_found" });
      await environment.advance(600_000);
      expect(top.getSnapshot()).toMatchObject({ status: "error", error: { code: "board_not_found" } });
      expect(transport.waiting("subscribe")).toEqual([]);
      await again();
      expect(transport.waiting("subscribe")).toHaveLength(1);
    }
  });
});
