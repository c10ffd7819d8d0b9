import { describe, expect, it } from "vitest";
import { snapshotReply } from "./following.ts";
import { settle } from "./manual-environment.ts";
import { connectedScene, frameOf, infoOf, reconnect, row } from "./samples.ts";
import { meReply, standingOf, standingScene } from "./standings.ts";

describe("a me store", () => {
  it("loads, is live with the answer, and says with every push how many places it gained or lost", async () => {
    const { client, transport } = await connectedScene();
    const me = client.board("f1").me();
    expect(me.getSnapshot()).toEqual({
      status: "loading",
      standing: undefined,
      change: 0,
      info: undefined,
      error: undefined,
    });
    let changes = 0;
    me.subscribe(() => changes++);
    await settle();
    expect(transport.waiting("subscribe")).toEqual([{ board: "f1", kind: "me" }]);
    transport.answer("subscribe", meReply(standingOf(50, 1000)));
    await settle();
    expect(me.getSnapshot()).toMatchObject({ status: "live", standing: { rank: 50, score: 950 }, change: 0 });
    for (const [rank, change] of [
      [43, 7],
      [45, -2],
      // Not a move: it says something else, such as that the rank is exact by now.
      [45, -2],
    ] as const) {
      transport.emit("rank", standingOf(rank, 1000 + changes, { total: 100 + changes }));
      expect(me.getSnapshot()).toMatchObject({ status: "live", standing: { rank }, change });
    }
    expect(me.getSnapshot().info).toMatchObject({ board: "f1" });
    expect(changes).toBe(4);
  });

  it("of somebody who is not on the board has no rank, and no change with the first one", async () => {
    const { client, transport } = await connectedScene();
    const me = client.board("f1").me();
    me.subscribe(() => {});
    await settle();
    transport.answer("subscribe", meReply(standingOf(null, 1000)));
    await settle();
    expect(me.getSnapshot()).toMatchObject({ status: "live", standing: { rank: null }, change: 0 });
    transport.emit("rank", standingOf(80, 1001));
    expect(me.getSnapshot()).toMatchObject({ standing: { rank: 80 }, change: 0 });
  });

  it("shows what arrived last, whatever its time: an index is of a moment before the published top", async () => {
    const { transport, me } = await standingScene();
    transport.emit("rank", standingOf(1200, 400, { exact: false, error: 12 }));
    expect(me.getSnapshot()).toMatchObject({ standing: { rank: 1200, asOf: 400 }, change: -1150 });
  });

  it("hears its own member only, and its own board", async () => {
    const { transport, me } = await standingScene("a");
    const before = me.getSnapshot();
    transport.emit("rank", standingOf(1, 2000, { member: "b" }));
    transport.emit("rank", standingOf(1, 2000, { member: "a", board: "f2" }));
    expect(me.getSnapshot()).toBe(before);
    transport.emit("rank", standingOf(49, 2000, { member: "a" }));
    expect(me.getSnapshot().standing?.rank).toBe(49);
  });

  it("keeps the change when it is told the same twice, as one who is followed under two names is", async () => {
    const { client, transport, me } = await standingScene();
    const named = client.board("f1").me("me");
    named.subscribe(() => {});
    transport.answer("subscribe", meReply(standingOf(50, 1000)));
    await settle();
    for (const asOf of [1001, 1002]) transport.emit("rank", standingOf(40, asOf));
    for (const store of [me, named]) {
      expect(store.getSnapshot()).toMatchObject({ change: 10, standing: { asOf: 1002 } });
    }
  });
});

describe("me stores of one question", () => {
  it("are one store and one subscription on the wire, which ends when the last listener has left", async () => {
    const { client, transport, environment, me, stop } = await standingScene("a");
    expect(client.board("f1").me("a")).toBe(me);
    const stopAnother = client
      .board("f1")
      .me("a")
      .subscribe(() => {});
    stop();
    await environment.advance(10_000);
    expect(transport.sent.map(({ event }) => event)).toEqual(["subscribe"]);
    stopAnother();
    await environment.advance(1000);
    expect(transport.waiting("unsubscribe")).toEqual([{ board: "f1", kind: "me", member: "a" }]);
    expect(me.getSnapshot()).toMatchObject({ status: "stale", standing: { rank: 50 } });
  });

  it("come back to the wire after they were left, connection lost in between or not", async () => {
    for (const lost of [false, true]) {
      const scene = await standingScene("a");
      const { transport, environment, me, stop } = scene;
      stop();
      await environment.advance(1000);
      transport.answer("unsubscribe", {});
      await settle();
      if (lost) await reconnect(scene);
      expect(transport.open).toEqual([]);
      me.subscribe(() => {});
      transport.answer("subscribe", meReply(standingOf(30, 3000, { member: "a" })));
      await settle();
      expect(me.getSnapshot()).toMatchObject({ status: "live", standing: { rank: 30 }, change: 20 });
      await reconnect(scene);
      expect(transport.waiting("subscribe")).toHaveLength(1);
    }
  });

  it("of different members are subscriptions of their own", async () => {
    const { client, transport } = await standingScene("a");
    client
      .board("f1")
      .me("b")
      .subscribe(() => {});
    client
      .board("f1")
      .me()
      .subscribe(() => {});
    expect(transport.waiting("subscribe")).toEqual([
      { board: "f1", kind: "me", member: "b" },
      { board: "f1", kind: "me" },
    ]);
  });
});

describe("pushes and the answer", () => {
  it("keep the order in which they arrived: what came before it is old, what came behind it is newer", async () => {
    const { client, transport } = await connectedScene();
    const me = client.board("f1").me();
    me.subscribe(() => {});
    await settle();
    transport.emit("rank", standingOf(70, 1900));
    transport.answer("subscribe", meReply(standingOf(50, 1000)));
    expect(me.getSnapshot().status).toBe("loading");
    await settle();
    expect(me.getSnapshot()).toMatchObject({ status: "live", standing: { rank: 50 }, change: 0 });
  });

  it("are one step when the push is handled first", async () => {
    const { client, transport } = await connectedScene();
    const me = client.board("f1").me();
    me.subscribe(() => {});
    await settle();
    transport.answer("subscribe", meReply(standingOf(50, 1000)));
    transport.emit("rank", standingOf(44, 900));
    transport.emit("rank", standingOf(1, 1002, { member: "somebody else" }));
    expect(me.getSnapshot().status).toBe("loading");
    await settle();
    expect(me.getSnapshot()).toMatchObject({ status: "live", standing: { rank: 44 }, change: 6 });
  });
});

describe("a new season", () => {
  it("heard of by a push is asked for with its rules, and begins without a change", async () => {
    const { transport, me } = await standingScene();
    transport.emit("rank", standingOf(null, 2000, { season: 2 }));
    expect(me.getSnapshot()).toMatchObject({ status: "stale", standing: { season: 1, rank: 50 } });
    transport.answer("subscribe", meReply(standingOf(3, 11, { season: 2 }), 2));
    await settle();
    expect(me.getSnapshot()).toMatchObject({
      status: "live",
      standing: { season: 2, rank: 3 },
      change: 0,
      info: { season: { number: 2 } },
    });
    transport.emit("rank", standingOf(1, 5000));
    expect(me.getSnapshot().standing?.rank).toBe(3);
  });

  it.each(["a frame", "the board's rules"])("heard of by %s is asked for", async (by) => {
    const { client, transport } = await standingScene();
    if (by === "a frame") transport.emit("frame", frameOf(9, [row("b", 1)], { season: 2 }));
    else {
      client
        .board("f1")
        .info()
        .catch(() => {});
      await settle();
      transport.answer("board", { info: infoOf({}, 2) });
      await settle();
    }
    expect(transport.waiting("subscribe")).toEqual([{ board: "f1", kind: "me" }]);
  });
});

describe("a standing", () => {
  it("is stale while the connection is away, and asked for after it; the change says what moved meanwhile", async () => {
    const scene = await standingScene();
    const { transport, me } = scene;
    transport.drop();
    expect(me.getSnapshot()).toMatchObject({ status: "stale", standing: { rank: 50 } });
    await reconnect(scene);
    // Another server's clock may be behind: an answer holds whatever its time.
    transport.answer("subscribe", meReply(standingOf(62, 500)));
    await settle();
    expect(me.getSnapshot()).toMatchObject({ status: "live", standing: { rank: 62 }, change: -12 });
  });

  it("that the server does not offer is an error, until somebody subscribes anew", async () => {
    const { client, transport, environment } = await connectedScene();
    const me = client.board("f1").me("a");
    me.subscribe(() => {});
    await settle();
    transport.answerError("subscribe", { code: "not_available" });
    await environment.advance(600_000);
    expect(me.getSnapshot()).toMatchObject({ status: "error", error: { code: "not_available" } });
    expect(transport.open).toEqual([]);
    me.subscribe(() => {});
    expect(transport.waiting("subscribe")).toHaveLength(1);
  });

  it.each([
    { member: "me" },
    {},
  ])("ended as %o is an error, and asked for again when that may help", async (name) => {
    const { transport, environment, me } = await standingScene();
    const error = { message: "private now", remediation: "none" };
    transport.emit("ended", {
      board: "f1",
      kind: "around",
      error: { ...error, code: "forbidden", retryable: false },
    });
    expect(me.getSnapshot().status).toBe("live");
    transport.emit("ended", {
      board: "f1",
      kind: "me",
      ...name,
      error: { ...error, code: "unavailable", retryable: true },
    });
    expect(me.getSnapshot()).toMatchObject({ status: "stale", error: { code: "unavailable" } });
    await environment.advance(500);
    transport.answer("subscribe", meReply(standingOf(50, 1000)));
    await settle();
    transport.emit("ended", {
      board: "f1",
      kind: "me",
      ...name,
      error: { ...error, code: "forbidden", retryable: false },
    });
    expect(me.getSnapshot()).toMatchObject({ status: "error", error: { code: "forbidden" } });
  });

  it("of a closed client is an error, before and after", async () => {
    const { client, me } = await standingScene();
    client.close();
    const another = client.board("f1").me("a");
    for (const store of [me, another]) {
      expect(store.getSnapshot()).toMatchObject({ status: "error", error: { code: "closed" } });
    }
  });

  it("goes on beside a top of the same board", async () => {
    const { client, transport, me } = await standingScene();
    const top = client.board("f1").top();
    top.subscribe(() => {});
    transport.answer("subscribe", snapshotReply(1, [row("a", 10)]));
    await settle();
    transport.emit("rank", standingOf(49, 1001));
    transport.emit("frame", frameOf(2, [row("b", 20)]));
    expect(me.getSnapshot().standing?.rank).toBe(49);
    expect(top.getSnapshot().entries).toHaveLength(2);
  });
});
