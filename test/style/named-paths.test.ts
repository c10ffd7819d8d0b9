/** Documents name files of this repository; what they name must be there. */
import { describe, expect, it } from "vitest";
import { expectNoProblems, listFiles, type Problem, problemAt, readSources, type Source } from "./sources.ts";

const FOLDERS = /^(server|lua|test|client-sdk|loadtest|demo|web|docs)\//;
/** A path to a file, in backticks; `*` stands for any part of a name. */
const PATH = /`([\w-]+(?:\/[\w.*-]+)+\.(?:ts|tsx|lua|md|json))`/g;
/** Built, or made by a command: not in the repository. */
const MADE = /^(web\/dist|loadtest\/results)\//;

function pathProblems(source: Source, files: readonly string[]): Problem[] {
  return [...source.text.matchAll(PATH)].flatMap((match) => {
    const path = match[1]!;
    if (!FOLDERS.test(path) || MADE.test(path)) return [];
    const pattern = path.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", "[^/]*");
    if (files.some((file) => new RegExp(`^${pattern}$`).test(file))) return [];
    return [problemAt(source, match.index, `names ${path}, which does not exist. Correct the path`)];
  });
}

describe("documents", () => {
  it("name only files that exist", () => {
    const documents = readSources(/^(docs\/\w+|server\/ARCHITECTURE)\.md$/);
    expect(documents.map(({ file }) => file)).toContain("docs/patterns.md");
    expectNoProblems(documents.flatMap((source) => pathProblems(source, listFiles())));
  });
});

describe("the checker of paths", () => {
  it("finds a file and a pattern that are not there, and only those", () => {
    const text = "`server/a.ts` `lua/x/*.lua` `a.ts`\n`server/gone.ts`, `lua/y/*.lua` and server/gone.ts";
    const problems = pathProblems({ file: "docs/a.md", text }, ["server/a.ts", "lua/x/add.lua"]);
    expect(problems.map(({ line, message }) => `${line} ${message.split(",")[0]}`)).toEqual([
      "2 names server/gone.ts",
      "2 names lua/y/*.lua",
    ]);
  });
});
