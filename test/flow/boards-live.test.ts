/** What changes live on a board: who may see it, what its submissions carry. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RankAnswer } from "../../client-sdk/protocol/messages.ts";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

let server: TestServer;
const clients: RawClient[] = [];
beforeAll(async () => {
  server = await startServer(sharedRedisUrl());
});
afterAll(async () => {
  for (const client of clients) client.close();
  await server.stop();
});

async function client(token?: string): Promise<RawClient> {
  const made = await new RawClient(server.url, token).connected();
  clients.push(made);
  return made;
}

async function submit(board: string, submission: Record<string, unknown>): Promise<void> {
  await server.call("POST", `/v1/boards/${board}/scores`, {
    key: SERVER_KEY,
    body: { submissions: [submission] },
  });
}

describe("a board that becomes private", () => {
  test("ends for spectators, on sockets and streams, and goes on for players", async () => {
    const board = uniqueBoard("private");
    await server.createBoard(board, { operator: "best" });
    const [spectator, player] = [await client(), await client(await server.signIn("ann"))];
    await Promise.all([spectator.follow(board), player.follow(board)]);
    const stream = await fetch(`${server.url}/v1/boards/${board}/feed`);
    const ended = new Promise((resolve) => spectator.socket.once("ended", resolve));

    await server.createBoard(board, { operator: "best", visibility: "private" });
    expect(await ended).toMatchObject({ board, view: "all", error: { code: "forbidden", retryable: false } });
    await stream.text();
    await submit(board, { member: "x", score: 1 });
    await eventually(() => expect(player.rows).toHaveLength(1));
    expect(spectator.rows).toHaveLength(0);
    await expect(spectator.follow(board)).rejects.toMatchObject({ error: { code: "forbidden" } });
  });
});

describe("a subscription that crosses a change to private", () => {
  test("is refused or ended, whichever comes first", { timeout: 40_000 }, async () => {
    for (let round = 0; round < 20; round++) {
      const board = uniqueBoard("cross");
      await server.createBoard(board, { operator: "best", shards: 1 });
      const spectator = await client();
      const changed = server.createBoard(board, { operator: "best", shards: 1, visibility: "private" });
      const followed = spectator.follow(board).catch(() => "refused");
      await Promise.all([changed, followed]);
      await submit(board, { member: "secret", score: 7 });
      await eventually(async () => {
        const { body } = await server.call<{ entries: object[] }>("GET", `/v1/boards/${board}/top`, {
          key: SERVER_KEY,
        });
        expect(body.entries).toHaveLength(1);
      });
      expect(spectator.rows).toEqual([]);
      spectator.close();
    }
  });

  test("gives no rank and no window after it has ended", { timeout: 40_000 }, async () => {
    const board = uniqueBoard("cross");
    const definition = { operator: "best", shards: 16, topSize: 10 } as const;
    for (let round = 0; round < 12; round++) {
      await server.createBoard(board, definition);
      const spectator = await client();
      const heard: string[] = [];
      spectator.socket.on("ended", () => heard.push("ended"));
      // The answer is taken in its callback and not a promise later, to be in order with the events.
      const follow = (name: Record<string, unknown>): Promise<void> =>
        new Promise((resolve) => {
          spectator.socket.emit("subscribe", { board, ...name }, ({ ok }: { ok: boolean }) => {
            heard.push(ok ? "told" : "refused");
            resolve();
          });
        });
      const members = ["a", "b"];
      const asked = ["me", "around"].flatMap((kind) => members.map((member) => follow({ kind, member })));
      asked.push(follow({ kind: "members", list: "l", members }));
      await new Promise((resolve) => setTimeout(resolve, round % 6));
      await Promise.all([...asked, server.createBoard(board, { ...definition, visibility: "private" })]);
      const after = heard.includes("ended") ? heard.slice(heard.indexOf("ended")) : [];
      expect(after).not.toContain("told");
      spectator.close();
    }
  });
});

describe("a session", () => {
  test("that has reached its age ends its socket, and one that is in use stays", async () => {
    const short = await startServer(sharedRedisUrl(), {
      SESSION_IDLE_MS: "400",
      SESSION_MAX_MS: "1500",
      SESSION_CHECK_MS: "100",
    });
    const player = await new RawClient(short.url, await short.signIn("ann")).connected();
    clients.push(player);
    const openedAt = performance.now();
    await eventually(() =>
      expect(player.byes).toEqual([expect.objectContaining({ code: "session_ended", reconnect: false })]),
    );
    // Longer than the idle time: the checks kept it alive until its hard end.
    expect(performance.now() - openedAt).toBeGreaterThan(1_000);
    await short.stop();
  });
});

describe("metadata", () => {
  test("comes with a member's entry, and is replaced only when a submission is accepted", async () => {
    const board = uniqueBoard("metadata");
    await server.createBoard(board, { operator: "best", metadata: true });
    await submit(board, { member: "a", score: 5, metadata: "knight" });
    await submit(board, { member: "a", score: 3, metadata: "pawn" });
    const { body } = await server.call<RankAnswer>("GET", `/v1/boards/${board}/members/a`);
    expect(body).toMatchObject({ score: 5, metadata: "knight" });
    await submit(board, { member: "a", score: 9, metadata: "queen" });
    const many = await server.call<{ entries: object[] }>("POST", `/v1/boards/${board}/members`, {
      body: { members: ["a"] },
    });
    expect(many.body.entries).toEqual([{ rank: 1, member: "a", score: 9, metadata: "queen" }]);
  });

  test("is refused by a board that takes none, and beyond 256 bytes", async () => {
    const board = uniqueBoard("bare");
    await server.createBoard(board, { operator: "best" });
    const send = async (id: string, metadata: string) => {
      const { body } = await server.call<{ results: unknown[] }>("POST", `/v1/boards/${id}/scores`, {
        key: SERVER_KEY,
        body: { submissions: [{ member: "a", score: 5, metadata }] },
      });
      return body.results[0];
    };
    expect(await send(board, "x")).toMatchObject({ outcome: "rejected", error: { code: "bad_request" } });
    expect(await send(board, "x".repeat(257))).toMatchObject({
      outcome: "rejected",
      error: { code: "bad_request" },
    });
  });
});
