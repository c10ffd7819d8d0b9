import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  expectNoProblems,
  listFiles,
  type Problem,
  problemAt,
  problemsWhere,
  ROOT,
  type Source,
} from "./sources.ts";

/** Nobody else's machine has these folders. */
const machinePathProblems = (source: Source): Problem[] =>
  problemsWhere(
    source,
    /(?<![\w.~@-])\/(?:(?:work|root)\/|home\/\w)/g,
    "names a path of one machine. Make it relative to the repository, or a setting",
  );

/** A lock file with addresses in it works only where those hosts are reachable. */
const registryProblems = (source: Source): Problem[] =>
  problemsWhere(
    source,
    /"resolved": "https?:/g,
    "names a registry host. Run npm install with this repository's .npmrc, which leaves them out",
  );

const binaryProblems = (source: Source): Problem[] =>
  source.text.includes("\0")
    ? [problemAt(source, 0, "is binary. Make it in a build step, or keep it as text")]
    : [];

/** Links to files, outside of code; links to the web and to a place on the same page are left alone. */
function linkProblems(source: Source, exists = (path: string) => existsSync(join(ROOT, path))): Problem[] {
  const blank = (found: string): string => found.replace(/[^\n]/g, " ");
  const prose = source.text.replace(/^(`{3,}|~{3,}).*\n[\s\S]*?^\1/gm, blank).replace(/`[^`\n]*`/g, blank);
  const links = [...prose.matchAll(/\]\(<?([^)\s>]+)[^)\n]*\)|^\[[^\]\n]+\]:\s+<?([^\s>]+)/gm)];
  return links.flatMap((match) => {
    const [target = ""] = (match[1] ?? match[2] ?? "").split("#");
    if (target === "" || /^[a-z][a-z\d+.-]*:/i.test(target)) return [];
    const path = target.startsWith("/") ? target.slice(1) : join(dirname(source.file), decodeURI(target));
    return exists(path)
      ? []
      : [problemAt(source, match.index, `links to ${target}, which does not exist. Correct the path`)];
  });
}

describe("the repository", () => {
  const sources = listFiles().map((file) => ({ file, text: readFileSync(join(ROOT, file), "latin1") }));
  const isDocument = ({ file }: Source): boolean => file.endsWith(".md");

  it("names no path of one machine", () => {
    expectNoProblems(sources.flatMap(machinePathProblems));
  });

  it("names no registry host in the lock file", () => {
    expectNoProblems(
      sources.filter(({ file }) => file.endsWith("package-lock.json")).flatMap(registryProblems),
    );
  });

  it("holds no binary file", () => {
    expectNoProblems(sources.flatMap(binaryProblems));
  });

  it("has documents whose links lead to files", () => {
    expectNoProblems(sources.filter(isDocument).flatMap((source) => linkProblems(source)));
  });
});

describe("the repository checkers", () => {
  const at = (text: string): Source => ({ file: "docs/a.md", text });

  it("find paths of one machine and leave addresses alone", () => {
    for (const folder of ["work", "root", "home/alice"]) {
      expect(machinePathProblems(at(`one\nsee /${folder}/main/x.ts`))).toMatchObject([{ line: 2 }]);
    }
    expect(
      machinePathProblems(at("https://example.com/work/x, ./work/x, /workspace, /homepage, a/root/b")),
    ).toEqual([]);
  });

  it("find registry hosts", () => {
    const text = `{\n  "resolved": "${"https"}://registry.example/a.tgz"\n}`;
    expect(registryProblems({ file: "package-lock.json", text })).toMatchObject([{ line: 2 }]);
    expect(
      registryProblems({ file: "package-lock.json", text: `{ "resolved": "web", "link": true }` }),
    ).toEqual([]);
  });

  it("find binary files", () => {
    expect(binaryProblems({ file: "web/logo.png", text: "\x89PNG\0" })).toHaveLength(1);
    expect(binaryProblems({ file: "web/logo.svg", text: "<svg/>" })).toEqual([]);
  });

  it("find links to files that are not there, and only those", () => {
    const text = [
      "[a](./there.md) [b](missing.md#part) ![c](../absent.png)",
      "[d](https://example.com/x) [e](#part) [f](mailto:a@example.com) `[g](gone.md)`",
      "```md\n[h](gone.md)\n```",
      "[i]: lost.md",
    ].join("\n");
    const problems = linkProblems(at(text), (path) => path === "docs/there.md");
    expect(problems.map(({ line, message }) => `${line} ${message.split(",")[0]}`)).toEqual([
      "1 links to missing.md",
      "1 links to ../absent.png",
      "6 links to lost.md",
    ]);
  });
});
