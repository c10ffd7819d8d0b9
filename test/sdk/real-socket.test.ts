import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ClientOptions, createClient, type RankwireClient, type Store } from "../../client-sdk/index.ts";
import { bodyOf } from "./fake-transport.ts";
import { SmallServer } from "./small-server.ts";
import { standingOf } from "./standings.ts";

let server: SmallServer;
const clients: RankwireClient[] = [];

function connect(options: Partial<ClientOptions> = {}): RankwireClient {
  const client = createClient({ url: server.url, backoffMinMs: 20, backoffMaxMs: 100, ...options });
  clients.push(client);
  return client;
}

/** Resolves with the first snapshot that is `wanted`. */
function until<T>(store: Store<T>, wanted: (snapshot: T) => boolean): Promise<T> {
  return new Promise((resolve) => {
    const look = (): void => {
      const snapshot = store.getSnapshot();
      if (!wanted(snapshot)) return;
      unsubscribe();
      resolve(snapshot);
    };
    const unsubscribe = store.subscribe(() => look());
    look();
  });
}

beforeEach(async () => {
  server = new SmallServer();
  await server.start();
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.kill();
});

describe("over a real socket", () => {
  it("a player submits, asks and follows", async () => {
    const client = connect({ token: "t1" });
    const board = client.board("f1");
    const top = board.top({ limit: 10 });
    const live = until(top, ({ entries }) => entries.length > 0);
    expect(await board.submit({ score: 5 })).toEqual({ outcome: "accepted", score: 5 });
    expect((await live).entries).toEqual([{ rank: 1, member: "me", score: 5 }]);
    expect(await board.rank()).toMatchObject({ rank: 1, member: "me" });
    expect(await board.info()).toMatchObject({ operator: "incr" });
    expect(server.tokens).toEqual(["t1"]);
  });

  it("a frame that comes right behind the acknowledgement is not lost", async () => {
    server.publish("a", 1);
    server.subscribed = () => server.publish("b", 2);
    const top = connect().board("f1").top();
    const { entries } = await until(top, ({ position }) => position?.offset === 2);
    expect(entries.map(({ member }) => member)).toEqual(["b", "a"]);
    expect(server.subscribes).toHaveLength(1);
  });

  it("a submission whose acknowledgement died with the server is sent again and counted once", async () => {
    let killed: Promise<void> | undefined;
    server.applied = () => {
      killed = server.kill();
      return false;
    };
    const client = connect();
    const submitted = client.board("f1").submit({ score: 5 });
    await until(client.state, ({ status, ...rest }) => status === "disconnected" && "reason" in rest);
    await killed;
    server.applied = () => true;
    await server.start();
    expect(await submitted).toEqual({ outcome: "duplicate", score: 5 });
    const [first, second] = server.submits;
    expect(second).toEqual(first);
    expect(first).toMatchObject({ id: expect.stringMatching(/^[\w-]{16}$/), season: 1 });
  });

  it("a view resumes with its position after the server was killed, and misses nothing", async () => {
    server.publish("a", 1);
    const top = connect().board("f1").top();
    top.subscribe(() => {});
    await until(top, ({ status }) => status === "live");
    await server.kill();
    const stale = await until(top, ({ status }) => status === "stale");
    expect(stale.entries.map(({ member }) => member)).toEqual(["a"]);
    server.publish("b", 2);
    server.publish("c", 3);
    await server.start();
    const live = await until(top, ({ status }) => status === "live");
    expect(live.entries.map(({ member }) => member)).toEqual(["c", "b", "a"]);
    expect(server.subscribes[1]).toMatchObject({ position: { epoch: "e1", offset: 1 } });
    server.publish("d", 4);
    await until(top, ({ entries }) => entries[0]?.member === "d");
    expect(server.subscribes).toHaveLength(2);
  });

  it("a player's own rank, the neighbours and friends move with everybody's submissions, and come back after a crash", async () => {
    for (const [i, member] of ["a", "b", "c", "d"].entries()) server.publish(member, 40 - 10 * i);
    const board = connect({ token: "t1" }).board("f1");
    const [me, around, friends] = [board.me(), board.around({ limit: 3 }), board.friends(["c", "nobody"])];
    for (const store of [around, friends]) store.subscribe(() => {});
    await until(me, ({ status, standing }) => status === "live" && standing?.rank === null);
    await board.submit({ score: 25 });
    expect((await until(me, ({ standing }) => standing?.rank === 3)).change).toBe(0);
    server.publish("d", 100);
    expect((await until(me, ({ standing }) => standing?.rank === 4)).change).toBe(-1);
    const names = (entries: readonly { member: string }[]): string[] => entries.map(({ member }) => member);
    await until(around, ({ entries }) => names(entries).join() === "b,me,c");
    await until(friends, ({ entries }) => names(entries).join() === "c");
    me.subscribe(() => {});
    await server.kill();
    await until(me, ({ status }) => status === "stale");
    server.publish("c", 200);
    await server.start();
    const back = await until(me, ({ status }) => status === "live");
    expect(back).toMatchObject({ standing: { rank: 5 }, change: -1 });
    await until(friends, ({ status }) => status === "live");
  });

  it("what was sent right before an answer is older than it, what was sent right behind it is newer", async () => {
    server.publish("me", 10);
    server.subscribing = () => server.tell(standingOf(70, 9_000));
    const board = connect({ token: "t1" }).board("f1");
    expect((await until(board.me(), ({ status }) => status === "live")).standing?.rank).toBe(1);
    server.subscribed = () => server.tell(standingOf(60, 10));
    const named = await until(board.me("me"), ({ status }) => status === "live");
    expect(named).toMatchObject({ standing: { rank: 60 }, change: -59 });
  });

  it("a refused token stops the client, and the refusal reaches whoever waits", async () => {
    server.admit = () => bodyOf({ code: "unauthorized" });
    const client = connect({ token: "expired" });
    const submitted = client.board("f1").submit({ score: 1 });
    await expect(client.connect()).rejects.toMatchObject({ code: "unauthorized", remediation: "none" });
    await expect(submitted).rejects.toMatchObject({ code: "unauthorized" });
    expect(client.state.getSnapshot().status).toBe("closed");
    expect(server.tokens).toEqual(["expired"]);
  });

  it("a handshake refused for a while is tried again", async () => {
    server.admit = () =>
      server.tokens.length < 3 ? bodyOf({ code: "overloaded", retryable: true }) : undefined;
    await connect().connect();
    expect(server.tokens).toHaveLength(3);
  });

  it("a final bye stops the client; another one brings it back", async () => {
    const client = connect();
    await client.connect();
    const away = until(client.state, ({ status }) => status === "disconnected");
    server.bye({ code: "shutting_down", reconnect: true, afterMs: [10, 20] });
    await away;
    await until(client.state, ({ status }) => status === "connected");
    server.bye({ code: "session_ended", reconnect: false, afterMs: [0, 0] });
    const closed = await until(client.state, ({ status }) => status === "closed");
    expect(closed).toMatchObject({ reason: { code: "session_ended", retryable: false } });
    expect(server.tokens).toHaveLength(2);
  });

  it("a server that is not there yet is waited for", async () => {
    await server.kill();
    const client = connect();
    const info = client.board("f1").info();
    await until(client.state, (state) => state.status === "disconnected" && state.reason !== undefined);
    await server.start();
    expect(await info).toMatchObject({ board: "f1" });
  });

  it("a path in the address is kept", async () => {
    const behind = new SmallServer("/games/socket.io/");
    await behind.start();
    await connect({ url: `${behind.url}/games` }).connect();
    expect(behind.tokens).toHaveLength(1);
    await behind.kill();
  });
});
