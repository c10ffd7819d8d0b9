/** Import cycles among value imports: type-only imports do not exist at run time and cannot tie a knot. */
import { resolveImport } from "./floors.ts";
import { type Problem, problemAt, type Source } from "./sources.ts";
import { importsOf } from "./syntax.ts";

type Edge = { target: string; offset: number };

/** One problem per cycle, at the import that closes it. */
export function cycleProblems(sources: Source[]): Problem[] {
  const bySource = new Map(sources.map((source) => [source.file, source]));
  const edges = new Map(sources.map((source) => [source.file, valueEdges(source)]));
  const done = new Set<string>();
  const problems: Problem[] = [];

  const visit = (file: string, path: readonly string[]): void => {
    for (const { target, offset } of edges.get(file) ?? []) {
      const start = path.indexOf(target);
      if (start >= 0) {
        const cycle = [...path.slice(start), target].join(" → ");
        const message = `closes an import cycle: ${cycle}. Move what both need into a file of its own`;
        problems.push(problemAt(bySource.get(file)!, offset, message));
      } else if (!done.has(target)) {
        visit(target, [...path, target]);
      }
    }
    done.add(file);
  };

  for (const { file } of sources) if (!done.has(file)) visit(file, [file]);
  return problems;
}

function valueEdges(source: Source): Edge[] {
  return importsOf(source).flatMap(({ specifier, typeOnly, offset }) => {
    const target = typeOnly ? undefined : resolveImport(source.file, specifier);
    return target ? [{ target, offset }] : [];
  });
}
