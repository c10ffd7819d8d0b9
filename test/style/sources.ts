/**
 * The repository's own files as the style tests see them: everything below the root that `.gitignore` leaves in.
 * Every checker takes a `Source` and answers `Problem`s, so its self-test can feed it a bad one from memory.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** `file` is the path from the root, with forward slashes. */
export type Source = { file: string; text: string };

/** Where, what is wrong, and what to do about it. */
export type Problem = { file: string; line: number; message: string };

export function problemAt({ file, text }: Source, offset: number, message: string): Problem {
  return { file, line: text.slice(0, offset).split("\n").length, message };
}

/** One problem for every place where `pattern` (with the flag g) matches. */
export function problemsWhere(source: Source, pattern: RegExp, message: string): Problem[] {
  return [...source.text.matchAll(pattern)].map((match) => problemAt(source, match.index, message));
}

/** Fail with one line per problem, in the form that editors and terminals turn into a link. */
export function expectNoProblems(problems: Problem[]): void {
  if (problems.length === 0) return;
  const lines = problems.map(({ file, line, message }) => `${file}:${line}: ${message}`);
  throw new Error(`${problems.length} problem(s):\n${lines.join("\n")}`);
}

/** Every file that is not ignored, sorted. */
export function listFiles(root = ROOT): string[] {
  const ignored = ignoreRules(readFileSync(join(root, ".gitignore"), "utf8"));
  const files: string[] = [];
  const walk = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder + entry.name;
      if (entry.name === ".git" || ignored(path, entry.isDirectory())) continue;
      if (entry.isDirectory()) walk(`${path}/`);
      else if (entry.isFile()) files.push(path);
    }
  };
  walk("");
  return files.sort();
}

/** The part of gitignore's language that this repository uses: names, paths, `*` and `**`; no negation. */
export function ignoreRules(text: string): (path: string, isFolder: boolean) => boolean {
  const rules = text.split("\n").flatMap((line) => {
    const rule = line.trim();
    if (rule === "" || rule.startsWith("#")) return [];
    if (rule.startsWith("!"))
      throw new Error(`.gitignore: "${rule}" negates; teach test/style/sources.ts first`);
    const pathOnly = rule.replace(/\/$/, "");
    const anchored = pathOnly.includes("/");
    const pattern = pathOnly
      .replace(/^\//, "")
      .replace(/[.+?^${}()|[\]\\]/g, "\\$&")
      .replace(/\*\*\/|\*\*|\*/g, (stars) => ({ "**/": "(.*/)?", "**": ".*", "*": "[^/]*" })[stars] ?? stars);
    return [{ regex: new RegExp(`${anchored ? "^" : "(^|/)"}${pattern}$`), foldersOnly: rule.endsWith("/") }];
  });
  return (path, isFolder) =>
    rules.some(({ regex, foldersOnly }) => (isFolder || !foldersOnly) && regex.test(path));
}

export function readSource(file: string): Source {
  return { file, text: readFileSync(join(ROOT, file), "utf8") };
}

/** Every file whose path matches, read. */
export function readSources(pattern: RegExp): Source[] {
  return listFiles()
    .filter((file) => pattern.test(file))
    .map(readSource);
}

/** TypeScript and JavaScript. */
export const CODE = /\.(ts|tsx|js)$/;
