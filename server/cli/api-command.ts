/** What the commands have in common that call a running server: their options, how they answer, how they take definitions and lists. */
import { readFile } from "node:fs/promises";
import { text as wholeText } from "node:stream/consumers";
import { Command, InvalidArgumentError } from "commander";
import { ApiClient, type Query } from "./api-client.ts";
import { refuse } from "./api-failure.ts";
import { type TargetOptions, targetOf, targetOptions } from "./api-target.ts";
import type { Print } from "./commands.ts";

/** What a command shows: the answer as JSON for programs, and made into text for people. */
export type Shown = {
  answer: unknown;
  text: () => string;
  failed?: boolean;
  /** What ended it after a part was done: thrown once that part is shown. */
  failure?: unknown;
};

export type Act<Options> = (api: ApiClient, args: string[], options: Options) => Promise<Shown>;

/** Lines that a list shows where `--limit` says nothing else. */
export const LINES_DEFAULT = 1_000;

/** A command, or one of its verbs, that calls a server: with `--url`, `--key-file` and `--json`. @param usage name and arguments */
export function apiCommand<Options = object>(
  usage: string,
  about: string,
  print: Print,
  act: Act<Options>,
): Command {
  const [name = "", ...args] = usage.split(" ");
  const command = new Command(name).description(about);
  for (const argument of args) command.argument(argument);
  return targetOptions(command)
    .option("--json", "the server's answer as JSON")
    .action(async () => {
      const options = command.opts<TargetOptions & { json?: boolean }>();
      const api = new ApiClient(await targetOf(options));
      // What is variadic comes as a list of its own.
      const { answer, text, failed, failure } = await act(
        api,
        command.processedArgs.flat() as string[],
        options as Options,
      );
      print(options.json === true ? JSON.stringify(answer, undefined, 2) : text());
      if (failure !== undefined) throw failure;
      if (failed) process.exitCode = 1;
    });
}

/** @throws InvalidArgumentError */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError("It must be a whole number.");
}

/** A list over its pages, up to a number of lines: `more` says that there are others. @throws ApiFailure */
export async function listed<Line>(
  api: ApiClient,
  list: { path: string; field: string; query?: Query; limit?: number | undefined },
): Promise<{ lines: Line[]; more: boolean }> {
  const { path, field, query = {}, limit = LINES_DEFAULT } = list;
  const lines: Line[] = [];
  for await (const line of api.lines<Line>(path, field, query)) {
    if (lines.length === limit) return { lines, more: true };
    lines.push(line);
  }
  return { lines, more: false };
}

/**
 * A definition of a file (`-`: of the standard input) with `field=value` in place of its fields. A value is JSON, or else text.
 * @throws ApiFailure usage
 */
export async function definitionOf(
  file: string | undefined,
  fields: readonly string[],
): Promise<Record<string, unknown>> {
  const definition = file === undefined ? {} : await jsonFile(file);
  if (typeof definition !== "object" || definition === null || Array.isArray(definition)) {
    refuse(`${file} does not hold one JSON object.`, "See docs/api.md, “A board”.");
  }
  return { ...definition, ...valuesOf(fields) };
}

/** `field=value` as an object. @throws ApiFailure usage */
export function valuesOf(fields: readonly string[]): Record<string, unknown> {
  const pairs = fields.map((text) => {
    const at = text.indexOf("=");
    if (at <= 0) refuse(`${text} is not field=value.`, "Write, for example, operator=best shards=4.");
    return [text.slice(0, at), jsonOrText(text.slice(at + 1))];
  });
  return Object.fromEntries(pairs);
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** @param path of a file, or `-` for the standard input. @throws ApiFailure usage */
export async function jsonFile(path: string): Promise<unknown> {
  try {
    return JSON.parse(path === "-" ? await wholeText(process.stdin) : await readFile(path, "utf8"));
  } catch (error) {
    return refuse(`${path} cannot be read as JSON: ${(error as Error).message}.`, "Give one JSON document.");
  }
}
