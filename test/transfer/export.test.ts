import { parse } from "csv-parse/sync";
import { afterAll, beforeAll, expect, it } from "vitest";
import { wholeKey } from "../../server/leaderboard/values.ts";
import { BoardExport } from "../../server/transfer/board-export.ts";
import { copySeason, type SeasonCopy } from "../../server/transfer/export-copy.ts";
import { exportText } from "../../server/transfer/export-text.ts";
import { entriesInRedis } from "../support/archive.ts";
import { describeOnBoth } from "../support/databases.ts";
import { eventually } from "../support/eventually.ts";
import { ExportServer, linesOf, placesOf, type ReadExport } from "../support/export-server.ts";
import { archive, hide, mirror, seasonOf } from "../support/final-season.ts";
import { stateAt } from "../support/kept-state.ts";
import { ScoreLoad } from "../support/score-load.ts";
import { testRunFolder, uniqueBoard } from "../support/shared-redis.ts";

/** PGlite takes its time where others are at work. */
const OPEN_MS = 60_000;
const never = new AbortController().signal;

describeOnBoth("an export", (store) => {
  let own: ExportServer;
  beforeAll(async () => {
    own = await ExportServer.start(store, { EXPORTS_MAX: "1" });
  }, OPEN_MS);
  afterAll(() => own.stop());

  it("says first what it holds, then every entry with what everybody, nobody or only the player sees, and last the count", async () => {
    const { board, open } = await own.made("plain", {
      operator: "set",
      metadata: true,
      shards: 2,
      columns: [
        { name: "points", max: 1e9, min: -5, decimals: 1 },
        { name: "wins", max: 30 },
      ],
    });
    const all = Array.from({ length: 60 }, (_, i) => ({
      member: `m${i}`,
      score: i - 4.5,
      columns: { wins: i % 30 },
      ...(i % 7 === 0 ? { metadata: `tab\t"${i}"\nnew line` } : {}),
    }));
    await own.submit(board, all);
    await own.moderate(board, "m7", "hide");
    await own.moderate(board, "m8", "shadow");
    await own.moderate(board, "m9", "remove");

    const { header, entries, end } = await own.exported(board);
    expect(header).toMatchObject({
      rankwire: "export",
      version: 1,
      board,
      season: 1,
      state: "open",
      total: 59,
    });
    expect(header.definition.columns.map(({ name }) => name)).toEqual(["points", "wins"]);
    expect(header.shards.map(({ shard, behind }) => [shard, behind])).toEqual([
      [0, undefined],
      [1, undefined],
    ]);
    expect(end).toEqual({ end: true, entries: 59 });
    expect(new Map(entries.map((entry) => [entry.member, entry]))).toEqual(
      new Map(
        all
          .filter(({ member }) => member !== "m9")
          .map((one) => [
            one.member,
            {
              ...one,
              ...(one.member === "m7"
                ? { visibility: "hidden" }
                : one.member === "m8"
                  ? { visibility: "shadow" }
                  : {}),
            },
          ]),
      ),
    );
    expect((await entriesInRedis(own.redis, open)).size).toBe(59);
  });

  it("tells wide values exactly, with the instant and the key of ties", async () => {
    const { board, open } = await own.made("wide", {
      operator: "set",
      order: "asc",
      ties: "earliest",
      shards: 2,
      columns: [
        { name: "ratio", type: "float" },
        { name: "big", type: "int64", order: "desc" },
      ],
    });
    expect(open.layout.kind).toBe("wide");
    const all = [
      [0.1, "9223372036854775807"],
      [-1e300, "-9223372036854775808"],
      [5e-324, "0"],
    ] as const;
    for (const [i, [score, big]] of all.entries())
      await own.submit(board, [{ member: `m${i}`, score, columns: { big } }]);

    const { entries } = await own.exported(board);
    expect(new Map(entries.map(({ member, score, columns }) => [member, [score, columns?.big]]))).toEqual(
      new Map(all.map((values, i) => [`m${i}`, [...values]])),
    );
    const inRedis = await entriesInRedis(own.redis, open);
    for (const { member, key, rest, reachedAt, score, columns } of entries) {
      expect(`${key} ${rest}`).toBe(inRedis.get(member)!.key);
      const again = wholeKey(open.layout, { score, columns: columns! }, Date.parse(reachedAt!));
      expect(again).toBe(inRedis.get(member)!.key);
    }
  });

  it("is the state at the positions that it names while submissions go on", async () => {
    const { board, open } = await own.made("busy", { operator: "incr", shards: 2 });
    const players = Array.from({ length: 40 }, (_, i) => `p${i}`);
    const reads: ReadExport[] = [];
    await new ScoreLoad(own.server, { board, players, lanes: 2 }).during(async () => {
      for (let i = 0; i < 3; i++) reads.push(await own.exported(board));
    });
    for (const { header, entries } of reads) {
      expect(placesOf(open, entries)).toEqual(
        await stateAt(own.server.running.database, open, header.shards),
      );
      expect(header.total).toBe(entries.length);
    }
    const sums = reads.map(({ header }) => header.shards.reduce((sum, { n }) => sum + n, 0));
    expect(sums).toEqual([...sums].sort((a, b) => a - b));
    expect(sums.at(-1)).toBeGreaterThan(sums[0]!);
  });

  it("has who came, went, moved and was hidden between two steps of its reading", async () => {
    const { board, open } = await own.made("between", { operator: "set", shards: 2 });
    const member = (i: number): string => `m${String(i).padStart(4, "0")}`;
    for (let at = 0; at < 5_000; at += 1_000)
      await own.submit(
        board,
        Array.from({ length: 1_000 }, (_, i) => ({ member: member(at + i), score: i })),
      );
    const { database } = own.server.running;
    await own.exported(board);
    let steps = 0;
    const onStep = async (): Promise<void> => {
      if (++steps > 1) return;
      await own.submit(board, [
        { member: "a-new", score: 5 },
        { member: "z-new", score: 6 },
        { member: member(10), score: 777 },
        { member: member(4_900), score: 778 },
      ]);
      for (const gone of [member(20), member(4_950)]) await own.moderate(board, gone, "remove");
      await own.moderate(board, member(30), "hide");
      // Until all of it is in the tables the export goes no further.
      await own.archived(open);
    };
    const copy = await copySeason(
      { database, dataDir: testRunFolder(), spoolBytesMax: 1e9, changesMax: 100, onStep },
      open,
      never,
    );
    expect(steps).toBeGreaterThan(1);
    const held = new Map(
      (await placesIn(copy)).map(({ member, key, visibility }) => [member, `${key}|${visibility}|`]),
    );
    expect(held).toEqual(await stateAt(database, open, copy.shards));
    expect(held.size).toBe(copy.total);
    expect([held.has("a-new"), held.has("z-new"), held.has(member(20)), held.has(member(4_950))]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    await copy.close();

    const refused = copySeason(
      { database, dataDir: testRunFolder(), spoolBytesMax: 20_000, changesMax: 100 },
      open,
      never,
    );
    await expect(refused).rejects.toThrow("EXPORT_SPOOL_BYTES_MAX");
  });

  it("writes CSV with odd names whole, by RFC 4180", async () => {
    const { board } = await own.made("odd", { operator: "set", shards: 1, metadata: true });
    const odd = ['a "quoted" one', "comma, semicolon; pipe|", "=1+1", "ünï🏎️", " spaces ", "'"];
    await own.submit(
      board,
      odd.map((member, score) => ({ member, score, metadata: `line\nof "${score}"` })),
    );
    const answer = await own.ask(board, "?format=csv");
    expect(answer.headers.get("content-type")).toBe("text/csv; charset=utf-8; header=present");
    expect(answer.headers.get("rankwire-total")).toBe("6");
    expect(answer.headers.get("rankwire-positions")).toBe("0:1");
    const text = await answer.text();
    expect(text.startsWith("member,score,visibility,metadata\r\n")).toBe(true);
    const rows = parse(text, { columns: true }) as Record<string, string>[];
    expect(rows.sort((a, b) => Number(a.score) - Number(b.score))).toEqual(
      odd.map((member, i) => ({
        member,
        score: String(i),
        visibility: "visible",
        metadata: `line\nof "${i}"`,
      })),
    );
  });

  it("waits for a slow reader, holds up nobody meanwhile, and gives its place back when the reader has gone", async () => {
    const { board, open } = await own.made("slow", { operator: "set", shards: 2, metadata: true });
    const metadata = "x".repeat(250);
    const many = Array.from({ length: 7_000 }, (_, i) => ({ member: `member-${i}`, score: i, metadata }));
    await own.submit(board, many);
    const leaving = new AbortController();
    const slow = await own.ask(board, "", {
      signal: leaving.signal,
      headers: { "accept-encoding": "identity" },
    });
    const reader = slow.body!.getReader();
    await reader.read();

    // It is still being sent: nothing has taken the whole into memory.
    const second = await own.ask(board);
    expect(second.status).toBe(503);
    expect(await second.json()).toMatchObject({ error: { code: "overloaded" } });
    // The archive goes on under it.
    await own.submit(board, [{ member: "late", score: 1 }]);
    await own.archived(open);
    leaving.abort();
    const third = await eventually(async () => {
      const answer = await own.ask(board);
      expect(answer.status).toBe(200);
      return answer;
    });
    expect(third.headers.get("content-encoding")).toBe("gzip");
    expect(linesOf(await third.text()).entries).toHaveLength(7_001);
  });

  it("takes an archived season from its final table, in order and with ranks", async () => {
    const { database, registry } = own.server.running;
    const past = seasonOf(uniqueBoard("past"), { operator: "best" });
    const entry = (member: string, score: number) => ({ member, values: [score], reachedAt: 0 });
    await mirror(database, past, [entry("a", 9), entry("b", 9), entry("c", 7), entry("d", 5), entry("e", 1)]);
    await archive(database, past);
    await hide(database, past, ["a", "d"]);
    const needs = {
      redis: own.redis,
      registry,
      database,
      dataDir: testRunFolder(),
      spoolBytesMax: 1e6,
      changesMax: 10,
      exportsMax: 1,
      waitMs: 100,
      now: Date.now,
    };
    const exports = new BoardExport({ ...needs, hasArchive: () => true });
    const present = { ...past, season: { ...past.season, number: 2 } };
    let text = "";
    for await (const part of exportText(await exports.begin(present, 1, never), "ndjson")) text += part;
    const { header, entries, end } = linesOf(text);
    expect(header).toMatchObject({ season: 1, state: "archived", total: 5, shards: [] });
    expect(entries.map(({ member, rank = null, visibility = null }) => [member, rank, visibility])).toEqual([
      ["a", null, "hidden"],
      ["b", 1, null],
      ["c", 2, null],
      ["d", null, "hidden"],
      ["e", 3, null],
    ]);
    expect(end).toEqual({ end: true, entries: 5 });
    await expect(exports.begin(present, 3, never)).rejects.toMatchObject({ code: "season_not_found" });
    const without = new BoardExport({ ...needs, hasArchive: () => false });
    await expect(without.begin(present, 1, never)).rejects.toMatchObject({ code: "not_available" });
    expect(exports.running).toBe(0);
  });
});

async function placesIn(copy: SeasonCopy) {
  const all = [];
  for await (const places of copy.read()) all.push(...places);
  return all;
}
