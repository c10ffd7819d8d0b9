/** CSV as other programs write it, read to the values that lines of NDJSON have. */
import { describe, expect, test } from "vitest";
import type { Column } from "../../client-sdk/protocol/messages.ts";
import { type CsvForm, csvRecords } from "../../server/transfer/import-csv.ts";
import { type LineBounds, ndjsonRecords, type ReadRecord } from "../../server/transfer/import-ndjson.ts";

const COLUMNS: Column[] = [
  { name: "points", type: "decimal", order: "desc", min: 0, max: 1e6, decimals: 2 },
  { name: "wins", type: "decimal", order: "desc", min: 0, max: 99, decimals: 0 },
  { name: "steam", type: "int64", order: "desc" },
];
const PLAIN: CsvForm = { delimiter: ",", decimalComma: false };
const BOUNDS: LineBounds = { lineMax: 200, firstLine: 1 };

/** Cut into pieces of every size, it must come to the same. */
async function read(text: string, form: CsvForm = PLAIN, bounds = BOUNDS): Promise<ReadRecord[]> {
  const [first, ...others] = await Promise.all(
    [1, 3, 7, text.length].map(async (size) => {
      const all: ReadRecord[] = [];
      for await (const records of csvRecords(pieces(text, size), COLUMNS, form, bounds)) all.push(...records);
      return all;
    }),
  );
  for (const other of others) expect(other).toEqual(first);
  return first!;
}

async function* pieces(text: string, size: number): AsyncGenerator<string> {
  // As a decoder of UTF-8 gives it: never half a character.
  const characters = [...text];
  for (let at = 0; at < characters.length; at += size) yield characters.slice(at, at + size).join("");
}

const valuesOf = (records: ReadRecord[]) =>
  records.map((one) => ("value" in one ? one.value : one.error.message));

describe("CSV", () => {
  test("with quotes, a byte order mark, CRLF and unicode is read as it was meant, line by line", async () => {
    const text = '\ufeffmember,score,column.wins\r\n"Ann, ""the\r\ngreat""",1.5,2\r\n\r\nünï 🏁,2,3\r\n';
    const records = await read(text);
    expect(valuesOf(records)).toEqual([
      { member: 'Ann, "the\r\ngreat"', score: 1.5, columns: { wins: 2 } },
      { member: "ünï 🏁", score: 2, columns: { wins: 3 } },
    ]);
    expect(records.map(({ line, last }) => [line, last])).toEqual([
      [2, 3],
      [5, 5],
    ]);
  });

  test("of another program is read by a map, semicolons and decimal commas", async () => {
    const map = new Map([
      ["member", "user_id"],
      ["score", "Points total"],
      ["column.wins", "w"],
      ["steam", "steam"],
      ["reachedAt", "at"],
    ]);
    const text =
      "user_id;ignored;Points total;w;steam;at\nu1;x;1.234,5;7;76561198000000001;1700000000000\nu2;;12;1;;\nu3;;1,2,3;1;1;2024-01-01T00:00:00Z\n";
    const records = await read(text, { delimiter: ";", decimalComma: true, map });
    expect(valuesOf(records)).toEqual([
      {
        member: "u1",
        score: 1234.5,
        columns: { wins: 7, steam: "76561198000000001" },
        reachedAt: 1_700_000_000_000,
      },
      { member: "u2", score: 12, columns: { wins: 1 } },
      { member: "u3", score: "1,2,3", columns: { wins: 1, steam: "1" }, reachedAt: "2024-01-01T00:00:00Z" },
    ]);
  });

  test("that goes on in the middle of a file counts on", async () => {
    const records = await read("member,points\na,1\nb,2\n", PLAIN, { lineMax: 200, firstLine: 1_000 });
    expect(records.map(({ line }) => line)).toEqual([1_000, 1_001]);
  });

  test("has its lines counted as editors do, whatever carriage returns stand in its fields", async () => {
    const rows = '"a\rb",1\nc\rd,2\r\n"\r\r\n\n\r",3\r\n\ne,4\n"f\r",5,6\ng,7\n';
    const records = await read(`member,score\n${rows}`);
    expect(records.map(({ line, last }) => [line, last])).toEqual([
      [2, 2],
      [3, 3],
      [4, 6],
      [8, 8],
      [9, 9],
      [10, 10],
    ]);
    const later = await read(`member,score\n${rows}`, PLAIN, { lineMax: 200, firstLine: 100 });
    expect(later.map(({ last }) => last)).toEqual([100, 101, 104, 106, 107, 108]);
  });

  test("names rows that have too few fields, and ends where rows cannot be told apart", async () => {
    const records = await read("member,score\na\nb,2\n");
    expect(records).toMatchObject([
      { line: 2, error: { code: "bad_request" } },
      { line: 3, value: { member: "b" } },
    ]);
    await expect(read('member,score\na,1\nb"c,2\n')).rejects.toThrow(/line 3/);
    await expect(read(`member,score\n"${"x".repeat(300)}`)).rejects.toMatchObject({ code: "bad_request" });
  });

  test.each([
    ["user,score\n", /no column "user"/],
    ["member,wins\n", /must name "member" and "score"/],
    ["member,score,score\n", /two columns for "score"/],
    ["member,points,score\n", /two columns for "score"/],
    ["member,score,wins,column.wins\n", /two columns for "column.wins"/],
    ["member,score,__proto__\n", /no column "__proto__"/],
  ])("whose names do not fit the board is refused: %j", async (text, message) => {
    await expect(read(text)).rejects.toThrow(message);
  });

  test("whose map does not fit is refused", async () => {
    const mapped = (field: string, name: string) =>
      read("a,b,d,d\n", {
        ...PLAIN,
        map: new Map([
          ["member", "a"],
          ["score", "b"],
          [field, name],
        ]),
      });
    await expect(mapped("wins", "c")).rejects.toThrow(/no column "c"/);
    await expect(mapped("wins", "b")).rejects.toThrow(/"b" is mapped twice/);
    await expect(mapped("wins", "d")).rejects.toThrow(/two columns for "column.wins"/);
    await expect(mapped("losses", "b")).rejects.toThrow(/no field "losses"/);
  });
});

test("a line of NDJSON that is too long is one bad line, however it is cut, and the next one is read", async () => {
  const text = `{"a":1}\r\n"${"x".repeat(500)}"\n\n{"a":2}`;
  for (const size of [1, 64, text.length]) {
    const all: ReadRecord[] = [];
    for await (const records of ndjsonRecords(pieces(text, size), BOUNDS)) all.push(...records);
    expect(all).toMatchObject([
      { line: 1, value: { a: 1 } },
      { line: 2, error: { code: "payload_too_large" } },
      { line: 4, value: { a: 2 } },
    ]);
  }
});
