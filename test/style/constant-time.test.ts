/** Secrets are compared in constant time: by what is named here, and nowhere by `===`. */
import { describe, expect, it } from "vitest";
import {
  expectNoProblems,
  type Problem,
  problemAt,
  readSource,
  readSources,
  type Source,
} from "./sources.ts";
import { type Node, nodesOf, parse } from "./syntax.ts";

/** Every place that checks a secret, and by what. What is found by its SHA-256 in Redis or a table is not compared at all. */
const PLACES: Record<string, RegExp> = {
  "server/sessions/key-text.ts": /return timingSafeEqual\(one, other\)/,
  "server/sessions/api-keys.ts":
    /sameHash\(known\.hash, hash\)[\s\S]*sameHash\(known\?\.hash \?\? NOTHING, secretHash\)[\s\S]*sameHash\(known\?\.previous/,
  "server/sessions/signatures.ts": /timingSafeEqual\(given, expected\)/,
  "server/sessions/jwt-sign-in.ts": /jwtVerify\(token/,
  "server/sessions/devices.ts": /"device_hash", "=", hash/,
  "lua/sessions/touch.lua": /HGET', sessions, secret_hash/,
};

const SECRET_NAME = /(secret|hash|token|signature|presented|password|digest)$/i;

/** `a.secretHash === b`: how long it takes tells how much of it was right. Comparisons with what is written out are no checks. */
function comparisonProblems(source: Source): Problem[] {
  return [...nodesOf(parse(source))].flatMap(({ node }) => {
    if (node.type !== "BinaryExpression" || !/^[!=]==?$/.test(String(node.operator))) return [];
    const sides = [node.left as Node, node.right as Node];
    if (sides.some(isConstant) || !sides.some((side) => SECRET_NAME.test(nameOf(side)))) return [];
    return [
      problemAt(source, node.start, "compares a secret by ===. Use sameHash of server/sessions/key-text.ts"),
    ];
  });
}

function nameOf(node: Node): string {
  if (node.type === "Identifier") return String(node.name);
  if (node.type === "MemberExpression") return nameOf(node.property as Node);
  return "";
}

function isConstant(node: Node): boolean {
  return node.type === "Literal" || (node.type === "Identifier" && node.name === "undefined");
}

const CHECKED = ["server/sessions", "server/gateway"];
const isChecked = ({ file }: Source): boolean => CHECKED.some((folder) => file.startsWith(`${folder}/`));

describe("secrets", () => {
  it.each(Object.entries(PLACES))("are compared in constant time in %s", (file, how) => {
    expect(readSource(file).text).toMatch(how);
  });

  it("are compared nowhere by ===", () => {
    expectNoProblems(
      readSources(/^server\/.*\.ts$/)
        .filter(isChecked)
        .flatMap(comparisonProblems),
    );
  });
});

describe("the comparison checker", () => {
  const found = (text: string): number => comparisonProblems({ file: "server/sessions/a.ts", text }).length;

  it("finds a secret compared with another value, and no comparison with what is written out", () => {
    expect(found("if (known.hash === given) ok();")).toBe(1);
    expect(found("if (given !== row.secret) no();")).toBe(1);
    expect(found('if (token === undefined || hash.length === 32 || kind === "token") no();')).toBe(0);
  });
});
