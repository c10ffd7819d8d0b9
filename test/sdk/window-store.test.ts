import { describe, expect, it } from "vitest";
import type { WindowStore } from "../../client-sdk/index.ts";
import { settle } from "./manual-environment.ts";
import { connectedScene, reconnect, type Scene } from "./samples.ts";
import { aroundWindow, membersWindow, standingOf, windowEntries, windowReply } from "./standings.ts";

const shown = (store: WindowStore): string[] => store.getSnapshot().entries.map(({ member }) => member);

async function aroundScene(limit: number): Promise<Scene & { around: WindowStore; stop: () => void }> {
  const scene = await connectedScene();
  const around = scene.client.board("f1").around({ member: "c", limit });
  const stop = around.subscribe(() => {});
  await settle();
  scene.transport.answer(
    "subscribe",
    windowReply(aroundWindow("c", windowEntries(10, "a", "b", "c", "d", "e"))),
  );
  await settle();
  return { ...scene, around, stop };
}

describe("a window round a member", () => {
  it("is asked for with its limit, and replaced as a whole by every push", async () => {
    const { client, transport } = await connectedScene();
    const around = client.board("f1").around();
    expect(around.getSnapshot()).toMatchObject({ status: "loading", entries: [], missing: [], asOf: 0 });
    around.subscribe(() => {});
    await settle();
    expect(transport.waiting("subscribe")).toEqual([{ board: "f1", kind: "around", limit: 11 }]);
    transport.answer("subscribe", windowReply(aroundWindow("me", windowEntries(7, "x", "me", "y"))));
    await settle();
    expect(around.getSnapshot()).toMatchObject({ status: "live", member: "me", total: 100, asOf: 1000 });
    transport.emit("window", aroundWindow("me", windowEntries(6, "me", "x"), { asOf: 1001 }));
    expect(shown(around)).toEqual(["me", "x"]);
    transport.emit("window", aroundWindow("other", windowEntries(5, "other"), { asOf: 1002 }));
    transport.emit("window", membersWindow("l1", windowEntries(5, "friend"), { asOf: 1002 }));
    expect(shown(around)).toEqual(["me", "x"]);
  });

  it("keeps entries that did not change as the same objects", async () => {
    const { transport, around } = await aroundScene(5);
    const [, b] = around.getSnapshot().entries;
    transport.emit("window", aroundWindow("c", windowEntries(10, "z", "b", "c"), { asOf: 1001 }));
    expect(around.getSnapshot().entries[1]).toBe(b);
  });

  it("serves a smaller one of the same member: the nearest entries", async () => {
    const { client, transport, around } = await aroundScene(5);
    const three = client.board("f1").around({ member: "c", limit: 3 });
    three.subscribe(() => {});
    await settle();
    expect(transport.open).toEqual([]);
    expect(shown(three)).toEqual(["b", "c", "d"]);
    expect(three.getSnapshot().entries.map(({ place, rank }) => [place, rank])).toEqual([
      [1, 11],
      [2, 12],
      [3, 13],
    ]);
    transport.emit("window", aroundWindow("c", windowEntries(1, "c", "d", "e", "f", "g"), { asOf: 1001 }));
    expect(shown(three)).toEqual(["c", "d", "e"]);
    expect(shown(around)).toHaveLength(5);
    transport.emit("window", aroundWindow("c", windowEntries(1, "x", "y", "z", "b", "c"), { asOf: 1002 }));
    expect(shown(three)).toEqual(["z", "b", "c"]);
  });

  it("grows when a larger one of the same member is wanted, on one subscription", async () => {
    const { client, transport, around } = await aroundScene(5);
    const seven = client.board("f1").around({ member: "c", limit: 7 });
    seven.subscribe(() => {});
    expect(transport.waiting("subscribe")).toEqual([{ board: "f1", kind: "around", member: "c", limit: 7 }]);
    const entries = windowEntries(9, "0", "a", "b", "c", "d", "e", "f");
    transport.answer("subscribe", windowReply(aroundWindow("c", entries, { asOf: 1001 })));
    await settle();
    expect(shown(seven)).toHaveLength(7);
    expect(shown(around)).toEqual(["a", "b", "c", "d", "e"]);
  });

  it("is left when nobody wants it, and asked for again after a lost connection when somebody does", async () => {
    const scene = await aroundScene(5);
    const { transport, environment, around, stop } = scene;
    await reconnect(scene);
    expect(around.getSnapshot().status).toBe("stale");
    transport.answer("subscribe", windowReply(aroundWindow("c", windowEntries(3, "c"))));
    await settle();
    expect(around.getSnapshot().status).toBe("live");
    stop();
    await environment.advance(1000);
    expect(transport.waiting("unsubscribe")).toEqual([{ board: "f1", kind: "around", member: "c" }]);
  });

  it("is asked for again when anything tells of a new season", async () => {
    const { transport, around } = await aroundScene(5);
    transport.emit("rank", standingOf(1, 1, { season: 2 }));
    expect(around.getSnapshot().status).toBe("stale");
    expect(transport.waiting("subscribe")).toHaveLength(1);
  });

  it("that has ended is an error", async () => {
    const { transport, around } = await aroundScene(5);
    const error = { code: "forbidden", message: "private", remediation: "none", retryable: false } as const;
    transport.emit("ended", { board: "f1", kind: "around", member: "d", error });
    expect(around.getSnapshot().status).toBe("live");
    transport.emit("ended", { board: "f1", kind: "around", member: "c", error });
    expect(around.getSnapshot()).toMatchObject({ status: "error", error: { code: "forbidden" } });
  });

  it.each([2, 102, 4.5])("of %d entries is refused", async (limit) => {
    const { client } = await connectedScene();
    expect(() => client.board("f1").around({ limit })).toThrow("3 to 101");
  });
});

describe("a list of friends", () => {
  it("is one store and one subscription whatever their order, and says who is missing", async () => {
    const { client, transport } = await connectedScene();
    const board = client.board("f1");
    const friends = board.friends(["b", "a", "b"]);
    expect(board.friends(["a", "b"])).toBe(friends);
    friends.subscribe(() => {});
    await settle();
    const [asked] = transport.waiting("subscribe");
    expect(asked).toMatchObject({ board: "f1", kind: "members", members: ["a", "b"] });
    const list = (asked as { list: string }).list;
    transport.answer(
      "subscribe",
      windowReply(membersWindow(list, windowEntries(9, "b"), { missing: ["a"] })),
    );
    await settle();
    expect(friends.getSnapshot()).toMatchObject({ status: "live", missing: ["a"], member: undefined });
    expect(shown(friends)).toEqual(["b"]);
  });

  it("hears of itself only, under a name of its own", async () => {
    const { client, transport } = await connectedScene();
    const stores = [["a"], ["b"]].map((members) => client.board("f1").friends(members));
    for (const store of stores) store.subscribe(() => {});
    await settle();
    const lists = transport.waiting("subscribe").map((message) => (message as { list: string }).list);
    expect(new Set(lists).size).toBe(2);
    for (const [i, list] of lists.entries()) {
      transport.answer("subscribe", windowReply(membersWindow(list, windowEntries(9, "ab"[i]!))));
    }
    await settle();
    transport.emit("window", membersWindow(lists[1]!, windowEntries(4, "b"), { asOf: 1001 }));
    expect(stores.map((store) => store.getSnapshot().entries[0])).toMatchObject([
      { member: "a", rank: 9 },
      { member: "b", rank: 4 },
    ]);
    const error = { code: "forbidden", message: "private", remediation: "none", retryable: false } as const;
    transport.emit("ended", { board: "f1", kind: "members", list: lists[0]!, error });
    expect(stores.map((store) => store.getSnapshot().status)).toEqual(["error", "live"]);
  });

  it("of nobody or of more than 500 is refused", async () => {
    const { client } = await connectedScene();
    const many = Array.from({ length: 501 }, (_, i) => `m${i}`);
    for (const members of [[], many]) {
      expect(() => client.board("f1").friends(members)).toThrow("1 to 500");
    }
  });
});
