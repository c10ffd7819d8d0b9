import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expectNoProblems, type Problem, ROOT, readSource } from "../style/sources.ts";
import { type Dockerfile, readDockerfile } from "./dockerfile.ts";

/** Sources and stages that a build would not find. */
function buildProblems({ stages, copies }: Dockerfile): Problem[] {
  const problem = (line: number, message: string): Problem => ({ file: "Dockerfile", line, message });
  const known = new Set<string>();
  const problems: Problem[] = [];
  for (const { line, name, base } of stages) {
    if (!known.has(base) && !base.includes(":")) {
      problems.push(problem(line, `builds on ${base}, which is no earlier stage and no tagged image`));
    }
    known.add(name);
  }
  for (const { line, from, sources } of copies) {
    if (from !== undefined) {
      if (!known.has(from)) problems.push(problem(line, `copies from ${from}, which is no stage`));
      continue;
    }
    for (const source of sources) {
      if (!existsSync(join(ROOT, source)))
        problems.push(problem(line, `copies ${source}, which does not exist`));
      else if (!reachesBuilder(source))
        problems.push(problem(line, `copies ${source}, which .dockerignore keeps out`));
    }
  }
  return problems;
}

/** `.dockerignore` keeps everything out but the top-level names that it lists with `!`. */
function reachesBuilder(source: string): boolean {
  const [first, ...rules] = readSource(".dockerignore")
    .text.split("\n")
    .filter((line) => !line.startsWith("#"));
  return first === "*" && rules.includes(`!${source.split("/")[0]}`);
}

describe("Dockerfile", () => {
  const dockerfile = readDockerfile();

  it("copies what exists, from stages that exist", () => {
    expectNoProblems(buildProblems(dockerfile));
  });

  it("starts a file that exists and that the image contains, without a shell in between", () => {
    const file = dockerfile.command.at(-1) ?? "";
    expect(dockerfile.command.slice(0, -1)).toEqual(["node", "--import", "tsx"]);
    expect(existsSync(join(ROOT, file)), `${file} does not exist`).toBe(true);
    expect(dockerfile.copies.flatMap(({ sources }) => sources)).toContain(file.split("/")[0]);
  });

  it("copies every manifest that npm ci needs for the workspaces", () => {
    const { workspaces } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
      workspaces: string[];
    };
    const copied = dockerfile.copies.flatMap(({ sources }) => sources);
    for (const workspace of workspaces) expect(copied).toContain(`${workspace}/package.json`);
    expect(copied).toEqual(expect.arrayContaining(["package.json", "package-lock.json", ".npmrc"]));
  });

  it("runs a supported Node, not as root", () => {
    expect(dockerfile.stages.at(-1)?.base).toMatch(/^node:2\d-slim$/);
    expect(dockerfile.user).toBe("node");
  });

  it("is healthy when /healthz answers, and has a health check that is valid JavaScript", () => {
    const [node, flag, script = ""] = dockerfile.healthcheck;
    expect([node, flag]).toEqual(["node", "-e"]);
    expect(script).toContain("/healthz");
    expect(() => new Function(script)).not.toThrow();
  });
});

describe("the Dockerfile checker", () => {
  const messages = (text: string): string[] =>
    buildProblems(readDockerfile(text)).map(({ line, message }) => `${line}: ${message}`);

  it.each([
    [
      "a missing source",
      "FROM node:20-slim\nCOPY absent.txt ./",
      "2: copies absent.txt, which does not exist",
    ],
    [
      "an ignored source",
      "FROM node:20-slim\nCOPY biome.json ./",
      "2: copies biome.json, which .dockerignore keeps out",
    ],
    [
      "a missing stage",
      "FROM node:20-slim\nCOPY --from=built /app ./",
      "2: copies from built, which is no stage",
    ],
    ["a base that is no stage", "FROM node:20-slim AS a\n\nFROM packages", "3: builds on packages"],
  ])("finds %s", (_, text, message) => {
    expect(messages(text).join("\n")).toContain(message);
  });

  it("joins continued lines and leaves comments out", () => {
    const text = "FROM node:20-slim AS a\n# COPY x y\nCOPY package.json \\\n  package-lock.json ./\n";
    expect(messages(text)).toEqual([]);
    expect(readDockerfile(text).copies).toMatchObject([
      { line: 3, sources: ["package.json", "package-lock.json"] },
    ]);
  });

  it("refuses a command that a shell would run", () => {
    expect(() => readDockerfile("FROM node:20-slim\nCMD npm start")).toThrow();
  });
});
