import { describe, expect, it } from "vitest";
import { sizeProblems } from "./sizes.ts";
import { expectNoProblems, ignoreRules, listFiles, readSources } from "./sources.ts";

describe("sizes and names", () => {
  const sources = readSources(/\.(ts|tsx|js|css|lua)$/);

  it("sees the repository's files and none that are ignored", () => {
    const files = listFiles();
    expect(files).toContain("test/style/sizes.test.ts");
    expect(files.filter((file) => file.includes("node_modules"))).toEqual([]);
  });

  it("keeps every file and function short, and named by what is inside", () => {
    expectNoProblems(sources.flatMap(sizeProblems));
  });
});

describe("the size checker", () => {
  const messages = (file: string, text: string): string[] =>
    sizeProblems({ file, text }).map(({ line, message }) => `${line}: ${message}`);
  const lines = (count: number): string => "x();\n".repeat(count);
  const any = "any";

  it.each([
    ["server/base/a.ts", "301: has 301 lines", lines(301)],
    ["lua/feed/append.lua", "301: has 301 lines", "x()\n".repeat(301)],
    ["web/style.css", "301: has 301 lines", "\n".repeat(301)],
    ["server/base/a.ts", "2: is a function of 71 lines", `\nfunction long() {\n${lines(69)}}`],
    ["server/base/a.ts", "1: is a function of 71 lines", `const long = () => {\n${lines(69)}};`],
    ["server/base/a.ts", "2: is a function of 71 lines", `class A {\n  long() {\n${lines(69)}  }\n}`],
    ["test/unit/a.test.ts", "1: is a function of 71 lines", `const long = () => {\n${lines(69)}};`],
    [
      "lua/feed/append.lua",
      "2: is a function of 71 lines",
      `\nlocal function long()\n${"  x()\n".repeat(69)}end`,
    ],
    ["server/base/a.ts", "1: exports a default", "export default 1;"],
    ["server/base/utils.ts", "1: is a drawer for anything", ""],
    ["web/src/helpers.tsx", "1: is a drawer for anything", ""],
    ["server/feed/index.ts", "1: is a barrel", ""],
    ["client-sdk/protocol/index.ts", "1: is a barrel", ""],
    ["server/base/boundedQueue.ts", "1: is not named in kebab-case", ""],
    ["server/base/bounded_queue.ts", "1: is not named in kebab-case", ""],
    ["lua/feed/topRead.lua", "1: is not named in kebab-case", ""],
    ["server/base/a.ts", "2: leaves work for later", `\n// TO${"DO"}: later`],
    ["lua/feed/append.lua", "1: leaves work for later", `-- FIX${"ME"}`],
    ["server/base/a.ts", "2: switches the compiler off", `\n// @ts-${"ignore"}\n`],
    ["server/base/a.ts", "1: casts to any", `const a = 1 as ${any};`],
    ["server/base/a.ts", "1: casts to any", `const a = <${any}>1;`],
    ["test/unit/a.test.ts", "1: runs this test alone", `it.only("x", () => {});`],
    ["test/unit/a.test.ts", "1: skips a test", `describe.skip("x", () => {});`],
    ["test/unit/a.test.ts", "1: skips a test", `it.skip.each([1])("x", () => {});`],
  ])("refuses in %s: %s", (file, message, text) => {
    expect(messages(file, text).join("\n")).toContain(message);
  });

  it.each([
    ["server/base/a.ts", "300 lines", lines(300)],
    [
      "server/base/a.ts",
      "braces in strings, templates and patterns",
      `const text = "} as ${any} {"; const re = /[{]"/; const t = \`{\${"}"}\`; // {`,
    ],
    [
      "test/unit/a.test.ts",
      "long test blocks",
      `describe("x", () => {\n${lines(100)}});\nit.each([1])("y", () => {\n${lines(100)}});`,
    ],
    ["web/vite.config.ts", "a config", "export default {};"],
    ["client-sdk/index.ts", "the one barrel", "export {};"],
    ["lua/leaderboard/top_read.lua", "snake_case", "return 1"],
    ["server/base/a.ts", "a skip that is not of a test", `const skipped = stream.skip(2);`],
  ])("accepts in %s: %s", (file, _, text) => {
    expect(messages(file, text)).toEqual([]);
  });
});

describe("the ignore rules", () => {
  it("follow names, folders, anchors and stars", () => {
    const ignored = ignoreRules("# comment\nnode_modules/\n*.log\n/loadtest/results/\nweb/**/cache\n");
    expect(ignored("web/node_modules", true)).toBe(true);
    expect(ignored("web/node_modules", false)).toBe(false);
    expect(ignored("server/x.log", false)).toBe(true);
    expect(ignored("server/xlog", false)).toBe(false);
    expect(ignored("loadtest/results", true)).toBe(true);
    expect(ignored("docs/loadtest/results", true)).toBe(false);
    expect(ignored("web/a/b/cache", true)).toBe(true);
  });
});
