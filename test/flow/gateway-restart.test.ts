/** What a client keeps over a restart of its gateway: the full view resumes without a snapshot, a smaller view takes one [P-7]. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

const board = uniqueBoard("restart");
let writer: TestServer;
let reader: TestServer;
const clients: RawClient[] = [];

beforeAll(async () => {
  writer = await startServer(sharedRedisUrl());
  reader = await startServer(sharedRedisUrl(), { ROLES: "gateway" });
  await writer.createBoard(board, { operator: "best", shards: 2 });
});
afterAll(async () => {
  for (const client of clients) client.close();
  await reader.stop();
  await writer.stop();
});

async function submit(member: string, score: number): Promise<void> {
  const body = { submissions: [{ member, score }] };
  const answer = await writer.call<{ counts: object }>("POST", `/v1/boards/${board}/scores`, {
    key: SERVER_KEY,
    body,
  });
  expect(answer.body.counts).toMatchObject({ accepted: 1 });
}

async function published(count: number): Promise<void> {
  await eventually(async () => {
    const { body } = await writer.call<{ entries: unknown[] }>("GET", `/v1/boards/${board}/top?limit=100`);
    expect(body.entries).toHaveLength(count);
  });
}

async function client(like?: RawClient): Promise<RawClient> {
  const made = await new RawClient(reader.url).connected();
  clients.push(made);
  if (like) {
    made.rows = like.rows;
    made.position = like.position;
  }
  return made;
}

describe("a gateway restart", () => {
  test("lets the full view resume without a snapshot, and gives a smaller view one", async () => {
    const [full, ten] = [await client(), await client()];
    expect(await full.follow(board, "all")).toBe("snapshot");
    expect(await ten.follow(board, 10)).toBe("snapshot");
    for (let i = 0; i < 12; i++) {
      await submit(`m${i}`, i + 1);
      await published(i + 1);
    }
    await eventually(() => expect(full.rows).toHaveLength(12));
    await eventually(() => expect(ten.rows[0]?.[0]).toBe("m11"));

    await reader.stop();
    await eventually(() =>
      expect(full.byes).toEqual([expect.objectContaining({ code: "shutting_down", reconnect: true })]),
    );
    // The feed goes on meanwhile, for longer than one frame.
    await submit("late", 1);
    await published(13);
    await submit("later", 2_000);
    await published(14);
    reader = await startServer(sharedRedisUrl(), { ROLES: "gateway" });

    const [fullAgain, tenAgain] = [await client(full), await client(ten)];
    expect(await fullAgain.follow(board, "all")).toBe("resume");
    expect(await tenAgain.follow(board, 10)).toBe("snapshot");
    expect(fullAgain.rows.map(([member]) => member).slice(0, 2)).toEqual(["later", "m11"]);
    expect(fullAgain.rows).toHaveLength(14);
    expect(tenAgain.rows).toEqual(fullAgain.rows.slice(0, 10));

    await submit("last", 5_000);
    await eventually(() => expect([fullAgain.rows[0]?.[0], tenAgain.rows[0]?.[0]]).toEqual(["last", "last"]));
    expect([...fullAgain.gaps, ...tenAgain.gaps]).toEqual([]);
  });

  test("of the same gateway lets a small view resume while its ring goes back far enough", async () => {
    const ten = await client();
    await ten.follow(board, 10);
    ten.close();
    await submit("back", 9_000);
    await eventually(async () => {
      const again = await client(ten);
      const mode = await again.follow(board, 10);
      expect([mode, again.rows[0]?.[0]]).toEqual(["resume", "back"]);
    });
  });
});
