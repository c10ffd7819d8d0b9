/** Profiles beside tops, windows and feeds [P-22]: what the board asks for, to everybody who watches, on every gateway. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { Profile, WindowEntry } from "../../client-sdk/protocol/messages.ts";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { eventually } from "../support/eventually.ts";
import { POSTGRES_INSTALL_MS, startTestPostgres, type TestPostgres } from "../support/postgres.ts";
import { RawClient } from "../support/raw-client.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { StandingClient } from "../support/standing-client.ts";
import { SseReader } from "./sse-reader.ts";

/** What a watcher may show of an old profile after the answer to the change. */
const SOON = { withinMs: 1_000 };
const ASKING: BoardDefinition = {
  operator: "set",
  shards: 2,
  profileFields: ["displayName", "country"],
};

let postgres: TestPostgres;
let here: TestServer;
let there: TestServer;
beforeAll(async () => {
  postgres = await startTestPostgres();
  const settings = { DATABASE_URL: await postgres.newDatabase() };
  here = await startServer(sharedRedisUrl(), settings);
  there = await startServer(sharedRedisUrl(), settings);
}, POSTGRES_INSTALL_MS);
afterAll(async () => {
  await Promise.all([here?.stop(), there?.stop()]);
  await postgres?.stop();
});

async function put(member: string, profile: Profile, at = here): Promise<void> {
  const path = `/v1/profiles/${member}`;
  const { status, body } = await at.call("PUT", path, { key: SERVER_KEY, body: profile });
  expect([status, body]).toMatchObject([200, { member }]);
}

async function submit(board: string, scores: Record<string, number>): Promise<void> {
  const submissions = Object.entries(scores).map(([member, score]) => ({ member, score }));
  await here.call("POST", `/v1/boards/${board}/scores`, { key: SERVER_KEY, body: { submissions } });
}

/** Members of this test alone, since profiles are of all boards. @returns their names by letter */
let boards = 0;
function names(): { ann: string; ben: string; cy: string } {
  const n = ++boards;
  return { ann: `ann-${n}`, ben: `ben-${n}`, cy: `cy-${n}` };
}

async function boardWith(scores: Record<string, number>, definition = ASKING): Promise<string> {
  const board = uniqueBoard("profiles");
  await here.createBoard(board, definition);
  await submit(board, scores);
  await eventually(async () => {
    const { body } = await there.call<{ entries: unknown[] }>("GET", `/v1/boards/${board}/top`);
    expect(body.entries).toHaveLength(Math.min(definition.topSize ?? 1_000, Object.keys(scores).length));
  });
  return board;
}

async function watch(board: string, view: 10 | "all" = 10, at = here): Promise<RawClient> {
  const client = await new RawClient(at.url).connected();
  onTestFinished(() => client.close());
  await client.follow(board, view);
  return client;
}

const told = (client: RawClient): Record<string, Profile> => Object.fromEntries(client.profiles);

describe("answers over HTTP", () => {
  it("carry the fields that the board asks for in each entry, and no others", async () => {
    const { ann, ben, cy } = names();
    const board = await boardWith({ [ann]: 30, [ben]: 20, [cy]: 10 });
    await put(ann, { displayName: "Ann", country: "CH", avatarUrl: "https://a.example/1", extra: { x: 1 } });
    await put(ben, { avatarUrl: "https://a.example/2" });
    const entries = [
      { rank: 1, member: ann, score: 30, profile: { displayName: "Ann", country: "CH" } },
      { rank: 2, member: ben, score: 20 },
      { rank: 3, member: cy, score: 10 },
    ];
    const read = async (path: string, method = "GET", body?: unknown) =>
      (await here.call<Record<string, unknown>>(method, `/v1/boards/${board}${path}`, { body })).body;
    expect(await read("/top")).toMatchObject({ entries });
    const { cursor } = await read("/top?limit=1");
    expect((await read(`/top?cursor=${cursor}&limit=5`)).entries).toEqual(entries.slice(1));
    expect((await read(`/members/${ben}/around`)).entries).toEqual(entries);
    expect(await read(`/members/${ann}`)).toMatchObject(entries[0]!);
    expect((await read("/members", "POST", { members: [ann, cy] })).entries).toEqual([
      entries[0],
      entries[2],
    ]);
    const client = await new RawClient(here.url).connected();
    onTestFinished(() => client.close());
    expect(await client.ask("rank", { board, member: ann })).toMatchObject(entries[0]!);
    expect(await client.ask("board", { board })).toMatchObject({
      info: { profileFields: ["displayName", "country"] },
    });
  });

  it("carry none on a board that asks for none, which looks nothing up", async () => {
    const { ann, ben } = names();
    await put(ann, { displayName: "Ann" });
    const before = await lookUps();
    const board = await boardWith({ [ann]: 30 }, { operator: "set", shards: 2 });
    const client = await watch(board);
    const { body } = await here.call("GET", `/v1/boards/${board}/top`);
    expect(body).toMatchObject({ entries: [{ rank: 1, member: ann, score: 30 }] });
    await submit(board, { [ben]: 40 });
    await eventually(() => expect(client.rows).toHaveLength(2));
    expect([told(client), client.profileMessages, client.snapshots]).toEqual([{}, [], []]);
    expect(await lookUps()).toBe(before);
  });

  it.each([
    [["name"]],
    [["country", "country"]],
    ["country"],
  ])("a board may not ask for %j", async (fields) => {
    const definition = { operator: "set", profileFields: fields } as unknown as BoardDefinition;
    await expect(here.createBoard(uniqueBoard("bad"), definition)).rejects.toThrow("profileFields");
  });
});

async function lookUps(): Promise<number> {
  const { body } = await here.call<string>("GET", "/metrics");
  const counts = [...body.matchAll(/^rankwire_profile_reads_total\{.*\} (\d+)$/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

describe("a view", () => {
  it("comes with the profiles of its rows, and tells those of newcomers once", async () => {
    const { ann, ben, cy } = names();
    for (const [member, displayName] of [
      [ann, "Ann"],
      [ben, "Ben"],
      [cy, "Cy"],
    ] as const)
      await put(member, { displayName });
    const board = await boardWith({ [ann]: 30, [ben]: 20 });
    const [first, second] = [await watch(board), await watch(board)];
    for (const client of [first, second]) {
      expect(told(client)).toEqual({ [ann]: { displayName: "Ann" }, [ben]: { displayName: "Ben" } });
    }
    await submit(board, { [cy]: 25 });
    await eventually(() => expect(told(second)).toMatchObject({ [cy]: { displayName: "Cy" } }));
    await submit(board, { [cy]: 35, [ann]: 36 });
    await eventually(() => expect(second.rows[0]?.[2]).toBe(36));
    const message = { board, kind: "top", view: 10, profiles: { [cy]: { displayName: "Cy" } } };
    expect([first.profileMessages, second.profileMessages]).toEqual([[message], [message]]);
  });

  it("forgets who leaves it, and tells anew who comes back", async () => {
    const { ann, ben, cy } = names();
    const board = await boardWith({ [ann]: 30, [ben]: 20, [cy]: 10 }, { ...ASKING, topSize: 2 });
    await put(cy, { displayName: "Cy" });
    const client = await watch(board);
    for (const [score, shown] of [
      [40, { displayName: "Cy" }],
      [10, undefined],
      [50, { displayName: "New" }],
    ] as const) {
      await submit(board, { [cy]: score });
      await eventually(() => expect(told(client)[cy]).toEqual(shown));
      if (!shown) await put(cy, { displayName: "New" });
    }
  });

  it("that is resumed, or taken late, has every profile of its rows", async () => {
    const { ann, ben } = names();
    const board = await boardWith({ [ann]: 30, [ben]: 20 });
    await put(ann, { displayName: "Ann" });
    await put(ben, { displayName: "Ben" });
    const client = await watch(board, "all");
    await client.ask("unsubscribe", { board, kind: "top", view: "all" });
    await put(ann, { displayName: "Anna" });
    await here.call("DELETE", `/v1/profiles/${ben}`, { key: SERVER_KEY });
    expect(await client.follow(board, "all")).toBe("resume");
    for (const one of [client, await watch(board, "all")]) {
      await eventually(() => expect(told(one)).toEqual({ [ann]: { displayName: "Anna" } }), SOON);
    }
  });

  it("shows other fields, or none, when the board asks for others", async () => {
    const { ann } = names();
    await put(ann, { displayName: "Ann", country: "CH" });
    const board = await boardWith({ [ann]: 30 }, { operator: "set", shards: 2 });
    const client = await watch(board);
    expect(told(client)).toEqual({});
    await here.createBoard(board, { ...ASKING, profileFields: ["country"] });
    await eventually(() => expect(told(client)).toEqual({ [ann]: { country: "CH" } }));
    await here.createBoard(board, { ...ASKING, profileFields: ["displayName"] });
    await eventually(() => expect(told(client)).toEqual({ [ann]: { displayName: "Ann" } }));
    await here.createBoard(board, { ...ASKING, profileFields: [] });
    await eventually(() => expect(told(client)).toEqual({}));
  });

  it("tells large profiles in several messages, each member whole", async () => {
    const members = Array.from({ length: 10 }, (_, i) => `large-${i}-${names().ann}`);
    for (const member of members) await put(member, { extra: "x".repeat(15_000) });
    const scores = Object.fromEntries(members.map((member, i) => [member, i]));
    const board = await boardWith(scores, { ...ASKING, profileFields: ["extra"] });
    const client = await watch(board);
    await eventually(() => expect(client.profiles.size).toBe(10));
    expect(client.profileMessages.length).toBeGreaterThanOrEqual(2);
    for (const message of client.profileMessages) {
      expect(JSON.stringify(message).length).toBeLessThanOrEqual(66 * 1024);
    }
  });
});

describe("a changed profile", () => {
  it("reaches every watcher of both gateways within a second: sockets, SSE, windows; so does its removal", async () => {
    const { ann, ben, cy } = names();
    const board = await boardWith({ [ann]: 30, [ben]: 20, [cy]: 10 });
    await put(ann, { displayName: "Ann" });
    const watchers: (() => Profile | undefined)[] = [];
    for (const server of [here, there]) {
      const top = await watch(board, "all", server);
      watchers.push(() => told(top)[ann]);
      const sse = await SseReader.open(server.url, board);
      onTestFinished(() => sse.close());
      watchers.push(() => sse.profiles.map(({ profiles }) => profiles[ann]).at(-1) ?? undefined);
      const client = await new StandingClient(server.url).connected();
      onTestFinished(() => client.close());
      for (const message of [
        { board, kind: "around", member: ben },
        { board, kind: "members", list: "friends", members: [ann, cy] },
      ]) {
        const { entries } = await client.window(message);
        watchers.push(() => shownIn(client, message.kind, entries, ann));
      }
    }
    const all = (profile: Profile | undefined) => watchers.map(() => profile);
    await eventually(
      () => expect(watchers.map((watcher) => watcher())).toEqual(all({ displayName: "Ann" })),
      SOON,
    );
    for (let round = 0; round < 5; round++) {
      const profile = { displayName: `Ann ${round}`, country: "CH" };
      await put(ann, profile, round % 2 === 0 ? here : there);
      await eventually(() => expect(watchers.map((watcher) => watcher())).toEqual(all(profile)), SOON);
    }
    await there.call("DELETE", `/v1/profiles/${ann}`, { key: SERVER_KEY });
    await eventually(() => expect(watchers.map((watcher) => watcher())).toEqual(all(undefined)), SOON);
  });

  it("is in a window that comes after it", async () => {
    const { ann, ben } = names();
    const board = await boardWith({ [ann]: 30, [ben]: 20 });
    await put(ann, { displayName: "Ann" });
    const client = await new StandingClient(there.url).connected();
    onTestFinished(() => client.close());
    await client.window({ board, kind: "around", member: ben });
    await put(ann, { displayName: "Anna" });
    await submit(board, { [ben]: 40 });
    await eventually(() => expect(client.windows.at(-1)?.entries[0]?.member).toBe(ben));
    expect(client.windows.at(-1)?.entries[1]?.profile).toEqual({ displayName: "Anna" });
  });
});

/** By the letter of [P-22]: what the last window said, and then the messages that named it. */
function shownIn(
  { windows, profiles }: StandingClient,
  kind: string,
  answer: WindowEntry[],
  member: string,
): Profile | undefined {
  const entries = windows.filter((window) => window.kind === kind).at(-1)?.entries ?? answer;
  const message = profiles.filter((one) => one.kind === kind && Object.hasOwn(one.profiles, member)).at(-1);
  return message
    ? (message.profiles[member] ?? undefined)
    : entries.find((entry) => entry.member === member)?.profile;
}
