/** What `lua/README.md` asks of a script: a header that is the contract, names for KEYS and ARGV, limits, safe numbers. */
import { type Problem, problemAt, problemsWhere, type Source } from "./sources.ts";

/** What a shard has: `open_shard.lua` makes all of them. */
const KEYS_MAX = 10;
const ARGS_MAX = 8;
const LINES_MAX = 100;

type Includes = Map<string, Source>;

/** Everything that is wrong with one script; `includes` are the files of `lua/include` by name. */
export function scriptProblems(source: Source, includes: Includes): Problem[] {
  const code: Source = { file: source.file, text: blankLua(source.text) };
  const header = readHeader(source);
  return [
    ...header.problems,
    ...countProblems(code, header, "KEYS", KEYS_MAX),
    ...countProblems(code, header, "ARGV", ARGS_MAX),
    ...listProblems(code, header, includedBy(source, includes)),
    ...bindingProblems(code, header),
    ...includeProblems(source, includes),
    ...numberProblems(source),
    ...lengthProblems(source),
  ];
}

/** Rules that hold in `lua/include` too. */
export function numberProblems(source: Source): Problem[] {
  const code: Source = { file: source.file, text: blankLua(source.text) };
  return [
    ...problemsWhere(
      code,
      /\bcjson\b/g,
      "uses cjson, which prints 14 digits. Send plain strings, or cmsgpack",
    ),
    ...problemsWhere(
      code,
      /\btostring\s*\(/g,
      "uses tostring, which prints 14 digits. Use string.format('%.17g', n)",
    ),
  ];
}

type Row = { kind: string; n: number; list: boolean; offset: number };
type Header = { rows: Row[]; problems: Problem[]; listStart: number };

/** The KEYS and ARGV lines. An ARGV from `listStart` up is a member of the trailing list. */
function readHeader(source: Source): Header {
  const problems: Problem[] = [];
  const rows: Row[] = [];
  for (const { 0: line, 1: kind = "", index } of source.text.matchAll(/^-- (KEYS|ARGV)\[.*$/gm)) {
    const parts = /^-- (?:KEYS\[(\d+)\]|ARGV\[(\d+)(…|\.\.\.)?\]) +\S+(.*)$/.exec(line);
    const list = parts?.[3] !== undefined;
    if (!parts || (!list && !/^ +\S/.test(parts[4] ?? ""))) {
      const form = kind === "KEYS" ? "-- KEYS[1] name  type" : "-- ARGV[1] name  form";
      problems.push(problemAt(source, index, `is not a header line. Write it as "${form}"`));
    } else {
      rows.push({ kind, n: Number(parts[1] ?? parts[2]), list, offset: index });
    }
  }
  if (!rows.some(({ kind }) => kind === "KEYS")) {
    problems.push(problemAt(source, 0, 'has no "-- KEYS[n] name  type" line. Name every key in the header'));
  }
  if (!/^-- Reply \S/m.test(source.text)) {
    problems.push(problemAt(source, 0, 'has no "-- Reply {…}" line. Say what the script answers'));
  }
  return { rows, problems, listStart: rows.find(({ list }) => list)?.n ?? Infinity };
}

/** The header counts 1, 2, 3 … up to the highest number that the body uses. */
function countProblems(
  code: Source,
  { rows, listStart }: Header,
  kind: "KEYS" | "ARGV",
  max: number,
): Problem[] {
  const own = rows.filter((row) => row.kind === kind);
  const wrong = own.find(({ n }, i) => n !== i + 1);
  if (wrong) return [problemAt(code, wrong.offset, `breaks the count. Number the ${kind} lines 1, 2, 3 …`)];
  const declared = own.filter(({ list }) => !list).length;
  const uses = [...code.text.matchAll(new RegExp(`\\b${kind}\\[\\s*(\\d+)\\s*\\]`, "g"))]
    .map((match) => ({ n: Number(match[1]), offset: match.index }))
    .filter(({ n }) => kind === "KEYS" || n < listStart);
  const used = Math.max(0, ...uses.map(({ n }) => n));
  if (used !== declared) {
    const at = uses.find(({ n }) => n === used)?.offset ?? 0;
    return [problemAt(code, at, `uses ${kind}[${used}], but the header counts ${declared}. Make them equal`)];
  }
  if (declared <= max) return [];
  return [
    problemAt(code, 0, `takes ${declared} ${kind}, ${max} at most. Make it two scripts, or a batch format`),
  ];
}

/** ARGV by a computed number, `#ARGV` or `unpack(ARGV` means a trailing list, which is the last row of the header. */
function listProblems(code: Source, { rows, listStart }: Header, included: Source[]): Problem[] {
  const computed = (text: string, kind: string): number =>
    text.search(new RegExp(`\\b${kind}\\b(?!\\[\\s*\\d+\\s*\\])`));
  const keysAt = computed(code.text, "KEYS");
  if (keysAt >= 0)
    return [problemAt(code, keysAt, "computes a KEYS number. Bind each key by its own number")];
  const [list, second] = rows.filter((row) => row.list);
  if (second) return [problemAt(code, second.offset, "declares a second list. One trailing list only")];
  const argsAt = computed(code.text, "ARGV");
  if (!list) {
    if (argsAt < 0) return [];
    return [
      problemAt(
        code,
        argsAt,
        'reads a list of ARGV. Declare it as the last ARGV line: "-- ARGV[n…] name  form"',
      ),
    ];
  }
  if (rows.findLast(({ kind }) => kind === "ARGV") !== list) {
    return [
      problemAt(code, list.offset, "declares a list that is not last. Put it behind the single arguments"),
    ];
  }
  const reads = [code, ...included].some(
    ({ text }) => computed(text, "ARGV") >= 0 || new RegExp(`\\bARGV\\[\\s*${listStart}\\b`).test(text),
  );
  return reads
    ? []
    : [problemAt(code, list.offset, "declares a list that nothing reads. Remove the line, or the dots")];
}

/** After the first block of `local name = KEYS[1]` lines, no KEYS[…] and no single ARGV[…] appears. */
function bindingProblems(code: Source, { listStart }: Header): Problem[] {
  const problems: Problem[] = [];
  let block: "before" | "inside" | "after" = "before";
  let continued = false;
  let offset = 0;
  for (const line of code.text.split("\n")) {
    const local: boolean = continued || /^local [\w, ]+(=|$)/.test(line);
    const singles = [...line.matchAll(/\bKEYS\[|\bARGV\[\s*(\d+)/g)];
    const at = singles.find(([, n]) => n === undefined || Number(n) < listStart)?.index;
    continued = local && /[,=]\s*$/.test(line);
    if (at !== undefined && block === "after") {
      problems.push(
        problemAt(code, offset + at, "reads KEYS or ARGV after the first lines. Bind it to a name there"),
      );
    } else if (at !== undefined && !local) {
      problems.push(problemAt(code, offset + at, "uses KEYS or ARGV unnamed. Write local name = KEYS[1]"));
    } else if (at !== undefined) {
      block = "inside";
    } else if (block === "inside" && line.trim() !== "" && !continued) {
      block = "after";
    }
    offset += line.length + 1;
  }
  return problems;
}

function includeProblems(source: Source, includes: Includes): Problem[] {
  return [...source.text.matchAll(/^.*@include.*$/gm)].flatMap(({ 0: line, index }) => {
    const name = /^-- @include "([\w-]+\.lua)"$/.exec(line)?.[1];
    if (!name) return [problemAt(source, index, 'is not an include. Write it as -- @include "name.lua"')];
    const file = includes.get(name);
    if (!file) return [problemAt(source, index, `includes lua/include/${name}, which does not exist`)];
    if (!file.text.includes("@include")) return [];
    return [problemAt(source, index, `includes ${name}, which includes again. Includes do not nest`)];
  });
}

/** The code of the files that a script includes. */
function includedBy(source: Source, includes: Includes): Source[] {
  return [...source.text.matchAll(/^-- @include "([\w-]+\.lua)"$/gm)].flatMap(([, name = ""]) => {
    const found = includes.get(name);
    return found ? [{ file: found.file, text: blankLua(found.text) }] : [];
  });
}

function lengthProblems(source: Source): Problem[] {
  const lines = source.text.replace(/\n$/, "").split("\n").length;
  if (lines <= LINES_MAX) return [];
  const message = `has ${lines} lines, ${LINES_MAX} at most. Move a step into lua/include`;
  return [{ file: source.file, line: LINES_MAX + 1, message }];
}

/** The code alone: comments and the insides of strings become spaces, so that every place keeps its offset. */
export function blankLua(text: string): string {
  const token =
    /--\[(=*)\[[\s\S]*?\]\1\]|--.*|\[(=*)\[[\s\S]*?\]\2\]|"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*'/g;
  return text.replace(token, (found) => found.replace(/[^\n]/g, " "));
}
