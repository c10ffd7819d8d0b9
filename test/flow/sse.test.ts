/** The feed as server-sent events [P-15]: whole from the first event on, resumed by `Last-Event-ID`. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { ViewSize } from "../../client-sdk/protocol/messages.ts";
import { eventually } from "../support/eventually.ts";
import { NaiveBoard } from "../support/naive-board.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { SseReader } from "./sse-reader.ts";

const MEMBERS = 150;
const VIEWS: ViewSize[] = [10, 100, "all"];

let server: TestServer;
beforeAll(async () => {
  server = await startServer(sharedRedisUrl(), { RING_FRAMES_MAX: "30" });
});
afterAll(() => server.stop());

/** A board that goes on round by round, and the naive model beside it. */
class Live {
  readonly id: string;
  readonly #model: NaiveBoard;
  #round = 0;

  private constructor(id: string, model: NaiveBoard) {
    this.id = id;
    this.#model = model;
  }

  static async create(): Promise<Live> {
    const id = uniqueBoard("sse");
    await server.createBoard(id, { operator: "set", columns: [{ name: "s", max: 1000 }], shards: 4 });
    const live = new Live(id, new NaiveBoard((await server.running.registry.get(id)).board));
    await live.submit(Array.from({ length: MEMBERS }, (_, i) => [`m${i}`, i]));
    return live;
  }

  async submit(scores: [member: string, score: number][]): Promise<void> {
    const submissions = scores.map(([member, score]) => ({ member, score }));
    await server.call("POST", `/v1/boards/${this.id}/scores`, { key: SERVER_KEY, body: { submissions } });
    for (const [member, score] of scores) this.#model.submit({ member, values: [score], id: "", at: 0 });
  }

  /** Some go up, some go down, across the ends of every view; the published top has followed. */
  async goOn(): Promise<void> {
    const round = ++this.#round;
    const moved = Array.from({ length: 12 }, (_, i) => (i * 37 + round * 13) % MEMBERS);
    await this.submit(moved.map((m, i) => [`m${m}`, i % 2 === 0 ? 200 + round : round]));
    await eventually(async () => {
      const path = `/v1/boards/${this.id}/top?limit=1000`;
      const { body } = await server.call<{ entries: { member: string; score: number }[] }>("GET", path);
      expect(body.entries.map(({ member, score }) => [member, score])).toEqual(this.best("all"));
    });
  }

  best(view: ViewSize): [string, number][] {
    const ranked = this.#model
      .ranked()
      .map(({ member, values }): [string, number] => [member, Number(values[0])]);
    return view === "all" ? ranked : ranked.slice(0, view);
  }
}

async function open(
  board: string,
  options: Parameters<typeof SseReader.open>[2] = {},
  at = server,
): Promise<SseReader> {
  const reader = await SseReader.open(at.url, board, options);
  onTestFinished(() => reader.close());
  return reader;
}

/** The reader's view is the model's, by frames that all followed each other. */
async function isWhole(reader: SseReader, live: Live, view: ViewSize): Promise<void> {
  await eventually(() =>
    expect(reader.rows.map(([member, , score]) => [member, score])).toEqual(live.best(view)),
  );
  expect(reader.gaps).toEqual([]);
}

function eventNames(reader: SseReader): string[] {
  return reader.events.map(({ event }) => event);
}

describe("a reader", () => {
  it("gets a stream that is not cached and may be read from anywhere", async () => {
    const live = await Live.create();
    const { response } = await open(live.id, { headers: { origin: "https://game.example" } });
    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "access-control-allow-origin": "*",
    });
  });

  it.each(VIEWS)("gets a snapshot first, then frames that keep the view %s whole", async (view) => {
    const live = await Live.create();
    await live.goOn();
    const reader = await open(live.id, { query: `?view=${view}` });
    await isWhole(reader, live, view);
    for (let round = 0; round < 8; round++) {
      await live.goOn();
      await isWhole(reader, live, view);
    }
    const names = eventNames(reader);
    expect(names[0]).toBe("snapshot");
    expect(new Set(names.slice(1))).toEqual(new Set(["frame"]));
    for (const { id, data } of reader.events) {
      expect(data).toMatchObject({ board: live.id, season: 1, view, total: MEMBERS });
      expect(id).toBe(`${data.epoch}:${data.offset}`);
    }
  });

  it("gets the view of 100 when it names none", async () => {
    const live = await Live.create();
    await live.goOn();
    const reader = await open(live.id);
    await isWhole(reader, live, 100);
    expect(reader.events[0]!.data.view).toBe(100);
  });

  it.each(["5", "ALL", "", "1000"])("is refused a view of %j", async (view) => {
    const live = await Live.create();
    const { status, body } = await server.call("GET", `/v1/boards/${live.id}/feed?view=${view}`);
    expect([status, body]).toMatchObject([400, { error: { code: "bad_request" } }]);
  });

  it("of a private board needs a key or a session token", async () => {
    const id = uniqueBoard("sse-private");
    await server.createBoard(id, { operator: "best", visibility: "private" });
    expect((await open(id)).response.statusCode).toBe(403);
    for (const key of [await server.signIn("alonso"), SERVER_KEY, ADMIN_KEY]) {
      const { response } = await open(id, { headers: { authorization: `Bearer ${key}` } });
      expect(response.statusCode).toBe(200);
    }
  });
});

describe("Last-Event-ID", () => {
  it.each(VIEWS)("brings exactly what was missed of the view %s", async (view) => {
    const live = await Live.create();
    await live.goOn();
    const first = await open(live.id, { query: `?view=${view}` });
    await isWhole(first, live, view);
    const { id: lastEventId, position, rows } = first;
    await first.close();
    for (let round = 0; round < 4; round++) await live.goOn();
    const second = await open(live.id, { query: `?view=${view}`, lastEventId, from: { position, rows } });
    await isWhole(second, live, view);
    expect(new Set(eventNames(second))).toEqual(new Set(["frame"]));
    await live.goOn();
    await isWhole(second, live, view);
  });

  it("of the present is answered at once, and followed by the next frame alone", async () => {
    const live = await Live.create();
    await live.goOn();
    const first = await open(live.id, { query: "?view=all" });
    await isWhole(first, live, "all");
    const second = await open(live.id, { query: "?view=all", lastEventId: first.id, from: first });
    await live.goOn();
    await isWhole(second, live, "all");
    expect(new Set(eventNames(second))).toEqual(new Set(["frame"]));
  });

  it("is good at another gateway too, for the view of all rows", async () => {
    const other = await startServer(sharedRedisUrl());
    onTestFinished(() => other.stop());
    const live = await Live.create();
    await live.goOn();
    const first = await open(live.id, { query: "?view=all" });
    await isWhole(first, live, "all");
    const { id: lastEventId, position, rows } = first;
    await live.goOn();
    const options = { query: "?view=all", lastEventId, from: { position, rows } };
    const second = await open(live.id, options, other);
    await isWhole(second, live, "all");
    expect(new Set(eventNames(second))).toEqual(new Set(["frame"]));
    await second.close();
  });

  it("that cannot be followed complete gets a snapshot", async () => {
    const live = await Live.create();
    await live.goOn();
    const reader = await open(live.id, { query: "?view=all" });
    await isWhole(reader, live, "all");
    const { epoch, offset } = reader.position!;
    const [before, after] = [`${epoch}:${offset}`, `${epoch}:${offset + 1_000}`];
    // More frames than the gateway keeps.
    for (let round = 0; round < 35; round++) await live.goOn();
    const foreign = [
      `another-epoch:${offset}`,
      after,
      before,
      "nonsense",
      `${epoch}:`,
      `:${offset}`,
      `${epoch}:-1`,
    ];
    for (const lastEventId of foreign) {
      const late = await open(live.id, { query: "?view=all", lastEventId });
      await isWhole(late, live, "all");
      expect([lastEventId, ...eventNames(late)]).toEqual([lastEventId, "snapshot"]);
      await late.close();
    }
  });
});
