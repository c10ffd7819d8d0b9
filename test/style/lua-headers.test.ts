import { basename } from "node:path/posix";
import { describe, expect, it } from "vitest";
import { blankLua, numberProblems, scriptProblems } from "./lua.ts";
import { expectNoProblems, problemsWhere, readSources, type Source } from "./sources.ts";

/** Scripts live in lua/, where they can be read, tested and cached; never in a TypeScript string. */
const embeddedLuaProblems = (source: Source) =>
  problemsWhere(
    source,
    /redis\.call\(/g,
    "holds Lua. Move it to a file in lua/ and call it through server/redis/scripts.ts",
  );

describe("Lua scripts", () => {
  const files = readSources(/^lua\/.+\.lua$/);
  const isInclude = ({ file }: Source): boolean => file.startsWith("lua/include/");
  const includes = new Map(files.filter(isInclude).map((source) => [basename(source.file), source]));

  it("have a header that says what the body uses", () => {
    const scripts = files.filter((source) => !isInclude(source));
    expect(scripts).not.toEqual([]);
    expectNoProblems(scripts.flatMap((source) => scriptProblems(source, includes)));
  });

  it("print no number with 14 digits, in includes neither", () => {
    expectNoProblems(files.filter(isInclude).flatMap(numberProblems));
  });

  it("stand in lua/, not in TypeScript strings", () => {
    const sources = readSources(/\.(ts|tsx)$/).filter(({ file }) => !file.startsWith("test/"));
    expectNoProblems(sources.flatMap(embeddedLuaProblems));
  });
});

const HEADER = `-- Add a score.
--
-- KEYS[1] entries  zset
-- KEYS[2] meta     hash  state and version
-- ARGV[1] member   string
-- ARGV[2] key      number, as a string
-- Reply {"added"} | {"unchanged"}
`;
const BINDINGS = "local entries, meta = KEYS[1], KEYS[2]\nlocal member, key = ARGV[1], tonumber(ARGV[2])\n";
const BODY = `${BINDINGS}\nreturn redis.call('ZADD', entries, key, member)\n`;
const LIST = "-- ARGV[3…] members  list\n-- Reply ";

const INCLUDES = new Map<string, Source>([
  ["members.lua", { file: "lua/include/members.lua", text: "local function members() return #ARGV end" }],
  ["nested.lua", { file: "lua/include/nested.lua", text: '-- @include "members.lua"' }],
]);

const problemsOf = (text: string): string[] =>
  scriptProblems({ file: "lua/room/script.lua", text }, INCLUDES).map(
    ({ line, message }) => `${line}: ${message}`,
  );

describe("the header checker", () => {
  const keys = (count: number, kind: string): string =>
    Array.from({ length: count }, (_, i) => `-- ${kind}[${i + 1}] name${i}  string\n`).join("");
  const binds = (count: number, kind: string): string =>
    Array.from({ length: count }, (_, i) => `local name${i} = ${kind}[${i + 1}]\n`).join("");

  it.each([
    ["a missing header", BODY, 'has no "-- KEYS[n]'],
    ["a missing reply", HEADER.replace("-- Reply", "-- Answer") + BODY, 'has no "-- Reply'],
    ["a key without a type", HEADER.replace("  zset", "") + BODY, "3: is not a header line"],
    ["a key that the header does not count", HEADER + BODY.replace("KEYS[2]", "KEYS[3]"), "8: uses KEYS[3]"],
    [
      "a key that nothing uses",
      HEADER + BODY.replace(", meta = KEYS[1], KEYS[2]", " = KEYS[1]"),
      "uses KEYS[1], but",
    ],
    [
      "an argument that the header does not count",
      HEADER + BODY.replace("ARGV[2]", "ARGV[3]"),
      "9: uses ARGV[3]",
    ],
    ["a gap in the numbers", HEADER.replace("KEYS[2]", "KEYS[3]") + BODY, "4: breaks the count"],
    ["eleven keys", `${keys(11, "KEYS")}-- Reply {"x"}\n${binds(11, "KEYS")}`, "takes 11 KEYS, 10 at most"],
    [
      "nine arguments",
      `-- KEYS[1] a  zset\n${keys(9, "ARGV")}-- Reply {"x"}\nlocal a = KEYS[1]\n${binds(9, "ARGV")}`,
      "takes 9 ARGV, 8 at most",
    ],
    [
      "an undeclared list",
      `${HEADER}${BODY}for i = 3, #ARGV do add(ARGV[i]) end`,
      "12: reads a list of ARGV",
    ],
    [
      "a list that nothing reads",
      HEADER.replace("-- Reply ", LIST) + BODY,
      "7: declares a list that nothing reads",
    ],
    [
      "two lists",
      `${HEADER.replace("-- Reply ", `${LIST.replace("-- Reply ", "-- ARGV[4…] more  list\n-- Reply ")}`)}${BODY}`,
      "8: declares a second list",
    ],
    ["computed keys", `${HEADER}${BODY}for i = 1, #KEYS do end`, "computes a KEYS number"],
    [
      "a key after the first lines",
      `${HEADER}${BODY}redis.call('DEL', KEYS[1])`,
      "12: reads KEYS or ARGV after",
    ],
    [
      "an argument after the first lines",
      `${HEADER}${BODY}local again = ARGV[1]`,
      "12: reads KEYS or ARGV after",
    ],
    ["an unnamed key", `${HEADER}redis.call('DEL', KEYS[1])\n${BODY}`, "8: uses KEYS or ARGV unnamed"],
    ["cjson", `${HEADER}${BODY}return cjson.encode({})`, "12: uses cjson"],
    ["tostring", `${HEADER}${BODY}return tostring(1)`, "12: uses tostring"],
    ["101 lines", `${HEADER}${BODY}${"\n".repeat(90)}`, "101: has 101 lines"],
    [
      "an include of nothing",
      `${HEADER}${BODY}-- @include "absent.lua"`,
      "12: includes lua/include/absent.lua",
    ],
    ["an include in another form", `${HEADER}${BODY}--- @include 'members.lua'`, "12: is not an include"],
    ["an include that includes", `${HEADER}${BODY}-- @include "nested.lua"`, "Includes do not nest"],
  ])("refuses %s", (_, text, message) => {
    expect(problemsOf(text).join("\n")).toContain(message);
  });

  it.each([
    ["a script by the rules", HEADER + BODY],
    ["keys on continued lines", HEADER + BODY.replace("meta = ", "meta =\n  ")],
    [
      "a list that the body reads",
      `${HEADER.replace("-- Reply ", LIST)}${BODY}for i = 3, #ARGV do add(ARGV[i]) end`,
    ],
    [
      "a list written with three dots",
      `${HEADER.replace("-- Reply ", LIST.replace("…", "..."))}${BODY}f(unpack(ARGV, 3))`,
    ],
    [
      "a list that an include reads",
      `${HEADER.replace("-- Reply ", LIST)}${BODY}-- @include "members.lua"\n`,
    ],
    [
      "words in comments and strings",
      `${HEADER}${BODY}-- cjson, KEYS[9]\nlocal s = "tostring( ARGV[9]" --[[ cjson ]]`,
    ],
  ])("accepts %s", (_, text) => {
    expect(problemsOf(text)).toEqual([]);
  });

  it("blanks comments and strings and keeps every offset", () => {
    const text = `a = "x--y" -- z\nb = 'it\\'s' .. [[KEYS]]\n--[==[ many\nlines ]==] c`;
    const blank = blankLua(text);
    expect(blank).toHaveLength(text.length);
    expect(blank.replace(/\s+/g, " ")).toBe("a = b = .. c");
  });

  it("finds Lua in TypeScript", () => {
    const text = "\nconst lua = `return redis.call('GET', KEYS[1])`;";
    expect(embeddedLuaProblems({ file: "server/feed/a.ts", text })).toMatchObject([{ line: 2 }]);
  });
});
