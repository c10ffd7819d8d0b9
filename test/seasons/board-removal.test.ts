import { afterAll, beforeAll, expect, it } from "vitest";
import { BoardMirror } from "../../server/archive/board-mirror.ts";
import { ArchivedBoards } from "../../server/archiver/archived-boards.ts";
import { Retention } from "../../server/archiver/retention.ts";
import { createRedisBoardRepository } from "../../server/leaderboard/board-repository.ts";
import { rebuild } from "../../server/recovery/rebuild.ts";
import { registryKeys } from "../../server/redis/keys.ts";
import { BoardRemoval, type RemovalStep } from "../../server/seasons/board-removal.ts";
import { SseReader } from "../flow/sse-reader.ts";
import { registryOn, silentLog } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { eventually } from "../support/eventually.ts";
import { ExportServer } from "../support/export-server.ts";
import { RawClient } from "../support/raw-client.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";

/** PGlite takes its time where others are at work. */
const OPEN_MS = 60_000;
const PATIENCE = { withinMs: 20_000 };

type Removed = { season: number; removed: boolean; archive: string };
type ErrorBody = { error: { code: string } };

describeOnBoth("a deleted board", (store) => {
  let own: ExportServer;
  let other: TestServer;
  beforeAll(async () => {
    own = await ExportServer.start(store);
    other = await startServer(own.redisUrl, { ...store.settings(), SEASON_LOOK_MS: "60000" });
  }, OPEN_MS);
  afterAll(async () => {
    await other.stop();
    await own.stop();
  });

  const remove = (board: string, query = `?confirm=${board}`) =>
    own.server.call<Removed>("DELETE", `/v1/admin/boards/${board}${query}`, { key: ADMIN_KEY });
  const read = (server: TestServer, board: string) => server.call<ErrorBody>("GET", `/v1/boards/${board}`);
  const post = (server: TestServer, board: string, season?: number) =>
    server.call<ErrorBody & { results: { outcome: string; error?: { code: string } }[] }>(
      "POST",
      `/v1/boards/${board}/scores`,
      {
        key: SERVER_KEY,
        body: { submissions: [{ member: "racer", score: 1, ...(season ? { season } : {}) }] },
      },
    );
  /** But for who held which lease, which runs out or is a number. */
  const keysOf = async (board: string): Promise<string[]> => {
    const keys = await own.redis.keys(`rw:*{${board}*`);
    return keys.filter((key) => !/-?(lease|token)$/.test(key));
  };
  const rowsOf = async (board: string): Promise<Record<string, number>> => {
    const { database } = own.server.running;
    const tables = ["current_entries", "seasons", "lives", "boards"] as const;
    const counts: Record<string, number> = {};
    for (const table of tables) {
      const rows = await database.run((db) =>
        db.selectFrom(table).select("board").where("board", "=", board).execute(),
      );
      counts[table] = rows.length;
    }
    counts.score_log = await logOf(board);
    return counts;
  };
  const logOf = async (board: string): Promise<number> => {
    const rows = await own.server.running.database.run((db) =>
      db
        .selectFrom("score_log")
        .innerJoin("lives", "lives.life", "score_log.life")
        .select("n")
        .where("board", "=", board)
        .execute(),
    );
    return rows.length;
  };

  it("is gone at once, ends for whoever follows it anywhere, and no late submission makes it come back", async () => {
    const { board } = await own.made("gone", { operator: "set", shards: 2 });
    await own.submit(board, [{ member: "a", score: 3 }]);
    const wrong = await own.server.call<ErrorBody>("DELETE", `/v1/admin/boards/${board}?confirm=other`, {
      key: ADMIN_KEY,
    });
    expect([wrong.status, wrong.body.error.code]).toEqual([400, "bad_request"]);
    const client = await new RawClient(other.url, await other.signIn("a")).connected();
    const ended: { kind: string; error: { code: string } }[] = [];
    client.socket.on("ended", (message) => ended.push(message));
    await client.ask("subscribe", { board, kind: "top", view: 10 });
    await client.ask("subscribe", { board, kind: "me" });
    const reader = await SseReader.open(other.url, board);
    let racing = true;
    const codes = new Set<string>();
    const race = (async () => {
      while (racing) {
        const { status, body } = await post(other, board);
        codes.add(
          status === 200 ? (body.results[0]!.error?.code ?? body.results[0]!.outcome) : body.error.code,
        );
      }
    })();

    const { status, body } = await remove(board);
    expect(status).toBe(202);
    expect(body).toMatchObject({ season: 1, archive: "keep", removed: true });
    expect((await read(own.server, board)).status).toBe(404);
    const { body: list } = await own.server.call<{ boards: { board: string }[] }>("GET", "/v1/boards");
    expect(list.boards.map(({ board: id }) => id)).not.toContain(board);
    await eventually(async () => expect((await read(other, board)).status).toBe(404), PATIENCE);
    racing = false;
    await race;
    await reader.ended;
    await eventually(() => expect(ended.map(({ kind }) => kind).sort()).toEqual(["me", "top"]), PATIENCE);
    expect(ended.map(({ error }) => error.code)).toEqual(["board_not_found", "board_not_found"]);
    for (const known of ["accepted", "unchanged"]) codes.delete(known);
    expect([...codes].filter((code) => code !== "board_not_found" && code !== "store_lost")).toEqual([]);
    expect((await post(other, board)).body.error.code).toBe("board_not_found");
    expect(await keysOf(board)).toEqual([]);
    expect((await remove(board)).status).toBe(404);
    const { body: audit } = await own.server.call<{ entries: { action: string }[] }>(
      "GET",
      `/v1/admin/audit?board=${board}&action=board.delete`,
      { key: ADMIN_KEY },
    );
    expect(JSON.stringify(audit)).toContain("board.delete");
    client.socket.disconnect();
  });

  it("may be made anew, with nothing of what it was and in a later season, on both sides", async () => {
    const { board, open } = await own.made("anew", { operator: "incr", shards: 2 });
    await own.submit(board, [{ member: "a", score: 3 }]);
    await own.archived(open);
    await remove(board);
    const made = await own.server.createBoard(board, { operator: "best", shards: 1 });
    expect(made.season.number).toBe(2);
    await own.submit(board, [{ member: "b", score: 9 }]);
    expect((await post(own.server, board, 1)).body.results[0]!.error?.code).toBe("season_closed");
    await eventually(async () => {
      const { body } = await other.call<{ entries: { member: string }[] }>("GET", `/v1/boards/${board}/top`);
      expect(body.entries.map(({ member }) => member)).toEqual(["b"]);
    }, PATIENCE);
    const { header, entries } = await own.exported(board);
    expect([header.season, entries.map(({ member }) => member)]).toEqual([2, ["b"]]);
    // What the archive had of the one before it has still.
    expect(await rowsOf(board)).toMatchObject({ current_entries: 2, lives: 2 });
  });

  it("leaves the database too where that is asked for, also afterwards", async () => {
    const { board, open } = await own.made("rows", { operator: "set", shards: 2 });
    const kept = await own.made("kept", { operator: "set", shards: 1 });
    for (const id of [board, kept.board]) await own.submit(id, [{ member: "a", score: 3 }]);
    await own.archived(open);
    await own.archived(kept.open);
    await remove(board);
    expect(await rowsOf(board)).toMatchObject({ current_entries: 1, score_log: 1, lives: 1 });
    expect((await remove(board, `?confirm=${board}&archive=delete`)).status).toBe(202);
    await eventually(async () => {
      expect(await rowsOf(board)).toEqual({
        current_entries: 0,
        score_log: 0,
        lives: 0,
        seasons: 0,
        boards: 1,
      });
      expect(own.server.running.registry.gone.get(board)?.deleted?.removed).toBe(true);
    }, PATIENCE);
    expect(await rowsOf(kept.board)).toMatchObject({ current_entries: 1, score_log: 1, lives: 1 });
    expect((await own.server.createBoard(board, { operator: "set" })).season.number).toBe(2);
  });

  it("goes although whoever deletes it dies after any step", async () => {
    const { database } = own.server.running;
    for (const step of ["marked", "keys", "rows"] as RemovalStep[]) {
      const { board, open } = await own.made("cut", { operator: "set", shards: 1 });
      await own.submit(board, [{ member: "a", score: 3 }]);
      await own.archived(open);
      const registry = registryOn(own.redis);
      const onStep = (reached: RemovalStep): void => {
        if (reached === step) throw new Error("The process dies.");
      };
      const dying = new BoardRemoval({
        redis: own.redis,
        registry,
        database,
        log: silentLog,
        leaseTtlMs: 1_000,
        lookMs: 60_000,
        hasArchive: () => true,
        onStep,
      });
      await dying.delete(board, "delete").catch(() => undefined);
      await dying.stop();
      await eventually(async () => {
        expect(own.server.running.registry.gone.get(board)?.deleted?.removed).toBe(true);
        expect(await keysOf(board)).toEqual([]);
        expect(await rowsOf(board)).toMatchObject({ current_entries: 0, lives: 0 });
      }, PATIENCE);
    }
  });

  it("is refused while Redis has an older copy than the archive, as are exports, and /readyz says so", async () => {
    const { board, open } = await own.made("older", { operator: "set", shards: 1 });
    await own.archived(open);
    const { database } = own.server.running;
    const repository = createRedisBoardRepository(own.redis);
    const { record, text } = (await repository.get(board))!;
    const degraded = async () =>
      (await own.server.call<{ degraded: string[] }>("GET", "/readyz")).body.degraded;
    const outdated = async () =>
      /^rankwire_archive_boards_outdated (\d+)$/m.exec(
        (await own.server.call<string>("GET", "/metrics")).body,
      )?.[1];
    expect(await degraded()).not.toContain("store_outdated");
    await new BoardMirror(database).mirror({ ...record, revision: record.revision + 9 });
    // As it is after a restart from an older copy: the record is another one than was last looked at.
    await repository.save({ ...record, revision: record.revision + 1 }, { record, text });
    await eventually(async () => expect(await degraded()).toContain("store_outdated"), PATIENCE);
    expect(await outdated()).toBe("1");
    const refusal = { code: "store_lost", message: expect.stringContaining(`--board ${board} --force`) };
    expect((await remove(board)).body).toMatchObject({ error: refusal });
    expect(await (await own.ask(board)).json()).toMatchObject({ error: refusal });
    const dedup = { windowMs: 600_000, idsMax: 100_000 };
    await rebuild({ redis: own.redis, database, repository, dedup, boards: [board], force: true });
    await eventually(async () => expect(await degraded()).not.toContain("store_outdated"), PATIENCE);
    expect((await remove(board)).status).toBe(202);
  });

  it("is not brought back by a rebuild, and its score log is cleared as long as its rules say", async () => {
    const { board, open } = await own.made("rebuilt", { operator: "set", shards: 1, logRetentionDays: 1 });
    await own.submit(board, [{ member: "a", score: 3 }]);
    await own.archived(open);
    await remove(board);
    const { database } = own.server.running;
    const repository = createRedisBoardRepository(own.redis);
    const record = (await repository.get(board))!.record;
    await new BoardMirror(database).mirror(record);
    await own.redis.hdel(registryKeys.boards, board);
    const dedup = { windowMs: 600_000, idsMax: 100_000 };
    const report = await rebuild({
      redis: own.redis,
      database,
      repository,
      dedup,
      boards: [board],
      force: false,
    });
    expect(report.boards).toEqual([{ board, status: "deleted" }]);
    expect(await keysOf(board)).toEqual([]);
    await eventually(async () => expect((await read(other, board)).status).toBe(404), PATIENCE);

    const boards = new ArchivedBoards({ repository, mirror: new BoardMirror(database), log: silentLog });
    await boards.refresh();
    const later = Date.now() + 2 * 86_400_000;
    const retention = new Retention({
      database,
      boards,
      now: () => later,
      log: silentLog,
      everyMs: 60_000,
      dedupWindowMs: 600_000,
    });
    expect(await logOf(board)).toBe(1);
    await retention.clear();
    expect(await logOf(board)).toBe(0);
  });
});
