/** The examples of docs/cli.md: run in their order against a new server, they print what stands there; all of them name real options. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commandsOf } from "../../docs/cli-tables.ts";
import { newEmbeddedFolder } from "../support/embedded-template.ts";
import { eventually } from "../support/eventually.ts";
import { ADMIN_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl } from "../support/shared-redis.ts";
import { fileOf, inProcess } from "./rankwire.ts";

const text = readFileSync("docs/cli.md", "utf8");
const EXAMPLE = /```sh\nnpx rankwire ([^\n]+)\n```(?:\n\n```text\n([\s\S]+?)\n```)?/g;
const examples = [...text.matchAll(EXAMPLE)].map(([, line = "", printed]) => ({ line, printed }));

/** As a shell splits it. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S*'[^']*'\S*)|(\S+)/g)].map(
    ([, quoted, part, bare]) => quoted ?? part?.replaceAll("'", "") ?? bare ?? "",
  );
}

/** What differs from run to run, and how wide that makes a column. */
function masked(printed: string): string {
  return printed
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>")
    .replaceAll(/rw_[a-z]+_[\w.-]+/g, "<key>")
    .replaceAll(/\b[A-Za-z0-9_-]{21,}\b/g, "<opaque>")
    .replaceAll(/^[0-9a-f]{8,20}(?= )/gm, "<id>")
    .replaceAll(/"offset":\d+|(?<=percentile +)[\d.]+/g, "<number>")
    .replaceAll(/ {2,}/g, "  ");
}

/** A line of `…` alone stands for any lines. */
function patternOf(printed: string): RegExp {
  const lines = printed
    .split("\n")
    .map((line) => (line === "…" ? "(?:.*\\n)*?.*" : line.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")));
  return new RegExp(`^${lines.join("\\n")}$`);
}

let server: TestServer;
let as: string[];
beforeAll(async () => {
  server = await startServer(sharedRedisUrl(), { DATA_DIR: await newEmbeddedFolder() });
  const asked = async () => server.call("GET", "/v1/admin/keys", { key: ADMIN_KEY });
  await eventually(async () => expect((await asked()).status).toBe(200), { withinMs: 50_000 });
  as = ["--url", server.url, "--key-file", fileOf(ADMIN_KEY)];
}, 60_000);
afterAll(() => server.stop());

describe("docs/cli.md", () => {
  test("prints what its examples print", { timeout: 60_000 }, async () => {
    const shown = examples.filter(({ printed }) => printed !== undefined && !printed.startsWith("problem"));
    expect(shown.length).toBeGreaterThan(15);
    for (const { line, printed = "" } of shown) {
      const check = async () => {
        const { out, err } = await inProcess(...wordsOf(line), ...as);
        expect([masked(out), err], line).toEqual([expect.stringMatching(patternOf(masked(printed))), ""]);
      };
      // The published top and the audit trail come a moment later; what changes something is done once.
      if (/^(board top|audit)/.test(line)) await eventually(check);
      else await check();
    }
  });

  test("names commands and options that there are, and every command that has no page of its own", () => {
    const commands = commandsOf();
    const named = [...text.matchAll(/npx rankwire ([^\n`]+)/g)].map(([, line = ""]) => wordsOf(line));
    const found = named
      .filter(([word]) => !word?.startsWith("-"))
      .map((words) => {
        const known = commands.find(([name]) => `${words.join(" ")} `.startsWith(`${name} `));
        expect(known, words.join(" ")).toBeDefined();
        const [name, command] = known!;
        const options = words.filter((word) => word.startsWith("--"));
        const there = command.options.map(({ long }) => long);
        expect(there, words.join(" ")).toEqual(expect.arrayContaining(options));
        return name;
      });
    const here = commands.map(([name]) => name).filter((name) => OF_THIS_PAGE.test(name));
    expect(here.filter((name) => !found.includes(name) && !SEEN_ELSEWHERE.includes(name))).toEqual([]);
  });
});

/** Others have pages of their own. */
const OF_THIS_PAGE = /^(board|season|member|key|audit|start|demo|doctor)\b/;
/** Told in words beside their likes. */
const SEEN_ELSEWHERE = ["member shadow"];
