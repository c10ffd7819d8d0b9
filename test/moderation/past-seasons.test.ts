/** Moderation of seasons that are over: while Redis still holds them, and in the archive. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { newSeason } from "../../server/leaderboard/board-schema.ts";
import { describeOnBoth } from "../support/databases.ts";
import { archive, mirror } from "../support/final-season.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

type Page = { total: number; entries: { member: string; rank: number }[] };
type Moderated = { season: number; before: object; after: object; error: { code: string } };

describeOnBoth("moderation of a season that is over", (store) => {
  let server: TestServer;
  let board: string;
  beforeAll(async () => {
    server = await startServer(sharedRedisUrl(), store.settings());
    await server.running.database.ready();
    board = uniqueBoard("past");
    await server.createBoard(board, { operator: "set", shards: 2 });
    const submissions = ["a", "b", "c"].map((member, i) => ({ member, score: 10 - i }));
    await server.call("POST", `/v1/boards/${board}/scores`, { key: SERVER_KEY, body: { submissions } });
    await server.running.registry.change(board, ({ board: rules, season, closing, ...rest }, nowMs) => {
      const over = { board: rules, season: { ...season, state: "closed" as const, closesAtMs: nowMs } };
      return { ...rest, board: rules, season: newSeason(rules, 2, nowMs), closing: [...closing, over] };
    });
  }, 60_000);
  afterAll(() => server.stop());

  const shown = async (): Promise<[string, number][]> => {
    const { body } = await server.call<Page>("GET", `/v1/boards/${board}/top?season=1`);
    expect(body.total).toBe(body.entries.length);
    return body.entries.map(({ member, rank }) => [member, rank]);
  };
  const moderate = async (member: string, what: string, more: object = {}): Promise<Moderated> => {
    const path = `/v1/admin/boards/${board}/members/${member}/${what}?season=1`;
    return (
      await server.call<Moderated>("POST", path, { key: ADMIN_KEY, body: { reason: "late find", ...more } })
    ).body;
  };

  test("is done in Redis while it holds the season, and in the final table afterwards", async () => {
    expect(await moderate("a", "hide")).toMatchObject({ season: 1, after: { sight: "hidden", score: 10 } });
    expect(await shown()).toEqual([
      ["b", 1],
      ["c", 2],
    ]);
    await moderate("a", "show");
    // Scores stay put while they may be handed on, and once nobody reads them from Redis any more.
    const adjusted = async () =>
      (await moderate("a", "adjust", { score: 3 })) as unknown as { error?: { code: string } };
    expect((await adjusted()).error?.code).toBe("season_changing");
    await server.running.registry.change(board, ({ closing, ...rest }) => ({
      ...rest,
      closing: closing.map((one) => ({ ...one, carried: true as const })),
    }));
    expect(await moderate("b", "adjust", { score: 9 })).toMatchObject({ after: { score: 9 } });

    const { database, registry } = server.running;
    const open = registry.hot(board, 1)!;
    await mirror(
      database,
      open,
      ["a", "b", "c"].map((member, i) => ({ member, values: [10 - i], reachedAt: 0 })),
    );
    await archive(database, open);
    expect((await adjusted()).error?.code).toBe("season_archived");
    await registry.change(board, (record) => ({ ...record, closing: [] }));
    expect(await shown()).toEqual([
      ["a", 1],
      ["b", 2],
      ["c", 3],
    ]);

    expect(await moderate("b", "hide")).toMatchObject({
      before: { sight: "visible" },
      after: { sight: "hidden" },
    });
    expect(await shown()).toEqual([
      ["a", 1],
      ["c", 2],
    ]);
    expect(await moderate("a", "remove")).toMatchObject({ before: { sight: "visible" }, after: null });
    expect(await shown()).toEqual([["c", 1]]);
    const path = `/v1/admin/boards/${board}/members/hidden?season=1`;
    const hidden = await server.call<{ members: object[] }>("GET", path, { key: ADMIN_KEY });
    expect(hidden.body.members).toMatchObject([
      { member: "a", score: 10 },
      { member: "b", score: 9 },
    ]);
    await moderate("a", "restore");
    await moderate("b", "show");
    expect(await shown()).toEqual([
      ["a", 1],
      ["b", 2],
      ["c", 3],
    ]);

    // Removed twice it is as removed once, and a removal is restored once.
    await moderate("a", "remove");
    expect((await moderate("a", "remove")).error.code).toBe("member_not_found");
    expect(await moderate("a", "restore")).toMatchObject({ after: { sight: "visible" } });
    expect(await shown()).toHaveLength(3);
    await moderate("a", "hide");
    expect((await moderate("a", "restore")).error.code).toBe("nothing_to_restore");
    expect(await shown()).toHaveLength(2);
    await moderate("a", "remove");
    expect(await moderate("a", "restore")).toMatchObject({ after: { sight: "hidden" } });
    await moderate("a", "show");
    expect(await shown()).toHaveLength(3);

    expect((await moderate("a", "adjust", { score: 1 })).error.code).toBe("season_archived");
    expect((await moderate("nobody", "hide")).error.code).toBe("member_not_found");
    const { body } = await server.call<{ records: object[] }>(
      "GET",
      `/v1/admin/audit?board=${board}&member=a&limit=2`,
      { key: ADMIN_KEY },
    );
    expect(body.records).toMatchObject([
      { action: "member.adjust", outcome: "season_archived", season: 1 },
      { action: "member.show", outcome: "done", season: 1, reason: "late find" },
    ]);
  });
});
