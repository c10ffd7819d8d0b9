/** Syntax trees of TypeScript and JavaScript, made by the parser that vite brings along (ESTree shaped). */
import { parseSync } from "vite";
import type { Source } from "./sources.ts";

export type Node = { type: string; start: number; end: number; [key: string]: unknown };

export type Import = { specifier: string; typeOnly: boolean; offset: number };

const trees = new WeakMap<Source, Node>();

/** @throws when the file is not valid syntax */
export function parse(source: Source): Node {
  let tree = trees.get(source);
  if (!tree) {
    const { program, errors } = parseSync(source.file, source.text);
    if (errors[0]) throw new Error(`${source.file} cannot be parsed: ${errors[0].message}`);
    tree = program as unknown as Node;
    trees.set(source, tree);
  }
  return tree;
}

export type Visit = { node: Node; parents: readonly Node[] };

/** Every node below `node` and itself, with its parents from the outermost in. */
export function* nodesOf(node: Node, parents: readonly Node[] = []): Generator<Visit> {
  yield { node, parents };
  const below = [...parents, node];
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) yield* nodesOf(child, below);
    }
  }
}

export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}

/** The names of a chain of calls and members, outermost last: `describe.each([1])` is ["describe", "each"]. */
export function namesOf(node: unknown): string[] {
  if (!isNode(node)) return [];
  if (node.type === "Identifier") return [String(node.name)];
  if (node.type === "MemberExpression") return [...namesOf(node.object), ...namesOf(node.property)];
  if (node.type === "CallExpression") return namesOf(node.callee);
  if (node.type === "TaggedTemplateExpression") return namesOf(node.tag);
  return [];
}

/** Every import, re-export, `import()` and `import("…").Type` of a file. */
export function importsOf(source: Source): Import[] {
  return [...nodesOf(parse(source))].flatMap(({ node }) => {
    const from = node.source;
    if (!isNode(from) || typeof from.value !== "string") return [];
    return [{ specifier: from.value, typeOnly: isTypeOnly(node), offset: node.start }];
  });
}

function isTypeOnly(node: Node): boolean {
  if (node.type === "TSImportType") return true;
  if (node.importKind === "type" || node.exportKind === "type") return true;
  const specifiers = (node.specifiers ?? []) as Node[];
  return (
    specifiers.length > 0 && specifiers.every((one) => one.importKind === "type" || one.exportKind === "type")
  );
}
