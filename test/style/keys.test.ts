import { describe, expect, it } from "vitest";
import { CODE, expectNoProblems, type Problem, problemAt, readSources, type Source } from "./sources.ts";
import { isNode, type Node, nodesOf, parse } from "./syntax.ts";

const KEYS_FILE = "server/redis/keys.ts";

/** Key names are made in one file, so that every key's tag, and with it its slot, is decided in one place. */
function keyProblems(source: Source): Problem[] {
  return [...nodesOf(parse(source))].flatMap(({ node }) => {
    if (!startOf(node)?.startsWith("rw:")) return [];
    return [problemAt(source, node.start, `spells a Redis key. Make it in ${KEYS_FILE} and import it`)];
  });
}

/** What a string or template literal begins with. */
function startOf(node: Node): string | undefined {
  if (node.type === "Literal" && typeof node.value === "string") return node.value;
  const first = node.type === "TemplateLiteral" ? (node.quasis as Node[])[0] : undefined;
  const value = first?.value as { cooked?: string } | undefined;
  return isNode(first) ? value?.cooked : undefined;
}

describe("Redis keys", () => {
  it("are spelt in server/redis/keys.ts only", () => {
    const sources = readSources(CODE).filter(({ file }) => !file.startsWith("test/") && file !== KEYS_FILE);
    expectNoProblems(sources.flatMap(keyProblems));
  });
});

describe("the key checker", () => {
  const lines = (text: string): number[] =>
    keyProblems({ file: "server/feed/a.ts", text }).map(({ line }) => line);

  it("finds keys in strings and templates", () => {
    expect(lines(`\nconst key = "rw:boards";`)).toEqual([2]);
    expect(lines(`const key = \`rw:{\${tag}}:meta\`;`)).toEqual([1]);
    expect(lines("const key = 'rw:' + name;")).toEqual([1]);
  });

  it("leaves comments, other words and names with that beginning alone", () => {
    expect(lines(`// "rw:boards"\nconst name = "rw_submit", flag = "mode rw: both", rw = 1;`)).toEqual([]);
  });
});
