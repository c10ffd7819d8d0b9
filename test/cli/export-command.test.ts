/** `rankwire export`: a file that is whole, or none. */
import { existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ExportCheck } from "../../server/cli/export-check.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, testRunFolder, uniqueBoard } from "../support/shared-redis.ts";
import { asProcess, fileOf, inProcess } from "./rankwire.ts";

/** PGlite takes its time where others are at work. */
const OPEN_MS = 60_000;
const METADATA = 'two\nlines, "quoted"';

let server: TestServer;
let folder: string;
const board = uniqueBoard("out");
beforeAll(async () => {
  folder = mkdtempSync(join(testRunFolder(), "export-"));
  const settings = { ROLES: "gateway,merger,archiver", ARCHIVE_MS: "20", EXPORT_WAIT_MS: "30000" };
  server = await startServer(sharedRedisUrl(), settings);
  await server.running.database.ready();
  await server.createBoard(board, { operator: "set", metadata: true, shards: 2 });
  const submissions = Array.from({ length: 3_000 }, (_, i) => ({
    member: `m"${i}"`,
    score: i,
    metadata: METADATA,
  }));
  await server.call("POST", `/v1/boards/${board}/scores`, { key: SERVER_KEY, body: { submissions } });
}, OPEN_MS);
afterAll(() => server.stop());

const at = (url: string, ...more: string[]): string[] => [
  "--url",
  url,
  "--key-file",
  fileOf(ADMIN_KEY),
  "--json",
  ...more,
];

/** Passes on so many bytes of the server's answers, and breaks the connection. */
async function cuttingProxy(bytes: number): Promise<{ url: string; proxy: Server }> {
  const proxy = createServer((from) => {
    const to = connect(Number(new URL(server.url).port), "127.0.0.1");
    let left = bytes;
    from.on("data", (chunk) => to.write(chunk)).on("error", () => to.destroy());
    to.on("data", (chunk: Buffer) => {
      from.write(chunk.subarray(0, Math.max(0, left)), () => {
        if (left <= 0) from.destroy();
      });
      left -= chunk.length;
    }).on("error", () => from.destroy());
    from.on("close", () => to.destroy());
    to.on("close", () => from.end());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, proxy };
}

describe("rankwire export", () => {
  test("writes a file that an import takes back, and CSV with lines in its fields", {
    timeout: OPEN_MS,
  }, async () => {
    const out = join(folder, "whole.ndjson");
    const { out: printed, err, code } = await inProcess("export", board, ...at(server.url, "--out", out));
    expect([err, code]).toEqual(["", 0]);
    expect(JSON.parse(printed)).toMatchObject({ board, season: 1, file: out, entries: 3_000, behind: 0 });
    expect(readFileSync(out, "utf8").trimEnd().split("\n")).toHaveLength(3_002);

    const copy = uniqueBoard("back");
    const back = await inProcess("import", copy, out, ...at(server.url, "--create"));
    expect(JSON.parse(back.out)).toMatchObject({
      imported: { written: 3_000, failed: 0 },
      compared: { found: 0, total: 3_000 },
    });

    const csv = join(folder, "whole.csv");
    expect((await inProcess("export", board, ...at(server.url, "--out", csv, "--format", "csv"))).code).toBe(
      0,
    );
    expect(readFileSync(csv, "utf8")).toContain('"m""0""",0,visible,"two\nlines, ""quoted"""');
    const again = await inProcess("export", board, ...at(server.url, "--out", csv));
    expect([again.code, again.err]).toEqual([1, expect.stringContaining("is there")]);
  });

  test("leaves no file of an export that breaks off, and ends with 1", { timeout: OPEN_MS }, async () => {
    const { url, proxy } = await cuttingProxy(3_000);
    const out = join(folder, "cut.ndjson");
    const { err, code } = await asProcess({}, "export", board, ...at(url, "--out", out));
    proxy.close();
    expect(code).toBe(1);
    expect(JSON.parse(err)).toMatchObject({ error: { code: "truncated" } });
    expect(existsSync(out)).toBe(false);
    expect(readdirSync(folder).filter((name) => name.endsWith(".part"))).toEqual([]);
  });

  test("says of a file that cannot be written that it is this machine's", { timeout: OPEN_MS }, async () => {
    const out = join(folder, "no-such-folder", "x.ndjson");
    const { err, code } = await inProcess("export", board, ...at(server.url, "--out", out));
    expect([code, err]).toEqual([1, expect.stringMatching(/^usage: .*cannot be written: ENOENT/)]);
  });

  test.each([
    ["ndjson", '{"rankwire":"export"}\n{"member":"a"}\n', "last line"],
    ["ndjson", '{"rankwire":"export"}\n{"member":"a"}\n{"end":true,"entries":2}\n', "1 entries instead of 2"],
    ["csv", 'member,score\r\n"a\nb",1\r\n', "1 entries instead of 2"],
  ] as const)("notices that an answer of %s that ended well is not whole: %#", async (format, text, problem) => {
    const check = new ExportCheck(format, 2);
    const parts = (async function* () {
      yield Buffer.from(text);
    })();
    for await (const _ of check.watch(parts, () => undefined)) expect(check.bytes).toBe(text.length);
    expect(check.problem()).toContain(problem);
  });
});
