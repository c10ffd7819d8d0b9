/** Sizes, names and words that every source file keeps to. */
import { basename } from "node:path/posix";
import { CODE, type Problem, problemAt, problemsWhere, type Source } from "./sources.ts";
import { isNode, type Node, namesOf, nodesOf, parse, type Visit } from "./syntax.ts";

const FILE_LINES_MAX = 300;
const FUNCTION_LINES_MAX = 70;
const INDEX_FILES = ["client-sdk/index.ts", "server/gateway/handlers/index.ts"];
/** Callbacks of these are chapters of a test file, not functions. */
const TEST_BLOCKS = ["describe", "describeOnBoth", "it", "test", "suite"];

const KEBAB = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*\.(ts|tsx|js|css)$/;
/** Lua files are named like the Lua functions that they hold. */
const SNAKE = /^[a-z0-9]+(_[a-z0-9]+)*\.lua$/;

/** Everything that is wrong with one .ts, .tsx, .js, .css or .lua file. */
export function sizeProblems(source: Source): Problem[] {
  const problems = [...nameProblems(source), ...lineProblems(source), ...wordProblems(source)];
  if (CODE.test(source.file)) problems.push(...codeProblems(source));
  if (source.file.endsWith(".lua")) problems.push(...luaFunctionProblems(source));
  return problems;
}

function nameProblems(source: Source): Problem[] {
  const name = basename(source.file);
  const problem = (message: string): Problem[] => [problemAt(source, 0, message)];
  if (!KEBAB.test(name) && !SNAKE.test(name)) {
    return problem("is not named in kebab-case (Lua: snake_case). Rename it by the noun inside");
  }
  if (/^(utils?|helpers?)\./.test(name)) {
    return problem("is a drawer for anything. Name the file by the noun inside");
  }
  if (/^index\.(ts|tsx|js)$/.test(name) && !INDEX_FILES.includes(source.file)) {
    return problem(`is a barrel. Import the files themselves; only ${INDEX_FILES.join(" and ")} may exist`);
  }
  return [];
}

function lineProblems(source: Source): Problem[] {
  const lines = source.text.replace(/\n$/, "").split("\n").length;
  if (lines <= FILE_LINES_MAX) return [];
  return [
    {
      file: source.file,
      line: FILE_LINES_MAX + 1,
      message: `has ${lines} lines, ${FILE_LINES_MAX} at most. Split it along its second noun`,
    },
  ];
}

function wordProblems(source: Source): Problem[] {
  return [
    ...problemsWhere(
      source,
      /\b(TO[D]O|FIX[M]E)\b/g,
      "leaves work for later. Do it, or write it into the roadmap",
    ),
    ...problemsWhere(
      source,
      /@ts-(ignor[e]|nochec[k])\b/g,
      "switches the compiler off. Fix the type, or use @ts-expect-error with the reason",
    ),
  ];
}

function codeProblems(source: Source): Problem[] {
  return [...nodesOf(parse(source))].flatMap((visit) => {
    const message = functionProblem(source, visit) ?? nodeProblem(source, visit.node);
    return message ? [problemAt(source, visit.node.start, message)] : [];
  });
}

function nodeProblem({ file }: Source, node: Node): string | undefined {
  if (node.type === "ExportDefaultDeclaration" && !/(^|\/)vite(st)?\.config\.ts$/.test(file)) {
    return "exports a default. Export it by name";
  }
  const cast = node.type === "TSAsExpression" || node.type === "TSTypeAssertion";
  if (cast && isNode(node.typeAnnotation) && node.typeAnnotation.type === "TSAnyKeyword") {
    return "casts to any. Cast to the narrowest type that is true, or to unknown";
  }
  if (node.type === "CallExpression" && isNode(node.callee) && node.callee.type !== "CallExpression") {
    const words = testWords(node.callee);
    if (words.includes("only")) return "runs this test alone. Remove .only";
    if (words.includes("skip"))
      return "skips a test. Fix or delete it; use runIf where it needs something of the machine";
  }
  return undefined;
}

/** The words of a call such as `it.skip.each`; none when the call does not make a test. */
function testWords(callee: Node): string[] {
  const [first = "", ...words] = namesOf(callee);
  return TEST_BLOCKS.includes(first) ? words : [];
}

function functionProblem(source: Source, { node, parents }: Visit): string | undefined {
  if (!/^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type)) return undefined;
  const parent = parents.at(-1);
  if (source.file.startsWith("test/") && parent?.type === "CallExpression") {
    if (TEST_BLOCKS.includes(namesOf(parent.callee)[0] ?? "")) return undefined;
  }
  return tooLong(source.text.slice(node.start, node.end));
}

/** Formatted Lua: a function of the file's own level ends at the next line that is exactly `end`. */
function luaFunctionProblems(source: Source): Problem[] {
  return [...source.text.matchAll(/^(?:local )?function .*?^end$/gms)].flatMap((match) => {
    const message = tooLong(match[0]);
    return message ? [problemAt(source, match.index, message)] : [];
  });
}

function tooLong(text: string): string | undefined {
  const lines = text.split("\n").length;
  if (lines <= FUNCTION_LINES_MAX) return undefined;
  return `is a function of ${lines} lines, ${FUNCTION_LINES_MAX} at most. Give its steps names of their own`;
}
