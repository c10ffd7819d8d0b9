/** What the tests of a cluster compare: the board as its shards have it, and as its viewers see it. */
import calculateSlot from "cluster-key-slot";
import { expect } from "vitest";
import type { Entry, Row } from "../../client-sdk/protocol/messages.ts";
import { eventually } from "../support/eventually.ts";
import { SERVER_KEY, type TestServer } from "../support/servers.ts";

/** Member → score, counted on the shards now. */
export async function pointsOf(
  server: TestServer,
  board: string,
  members: readonly string[],
): Promise<Map<string, number>> {
  return eventually(async () => {
    const { status, body } = await server.call<{ entries: Entry[] }>("POST", `/v1/boards/${board}/members`, {
      key: SERVER_KEY,
      body: { members },
    });
    expect(status).toBe(200);
    return new Map(body.entries.map(({ member, score }) => [member, score]));
  });
}

/** Every viewer comes to show exactly what the shards have. */
export async function viewsEqual(
  viewers: readonly { rows: Row[] }[],
  points: ReadonlyMap<string, number>,
): Promise<void> {
  const expected = [...points].sort(
    ([a, x], [b, y]) => y - x || Buffer.compare(Buffer.from(a), Buffer.from(b)),
  );
  await eventually(
    () => {
      for (const { rows } of viewers)
        expect(rows.map(([member, , score]) => [member, score])).toEqual(expected);
    },
    { withinMs: 15_000 },
  );
}

export type BoardSlots = { shards: number[]; feed: number };

/** The slots of a board's shards and of its feed. */
export async function slotsOf(server: TestServer, board: string): Promise<BoardSlots> {
  const { shards, feed } = await server.running.registry.get(board);
  return { shards: shards.map(({ meta }) => calculateSlot(meta)), feed: calculateSlot(feed.state) };
}

export function players(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}
