/** The commands of docs/cli.md, each with its arguments and options, made from what commander knows of them. */
import type { Argument, Command, Option } from "commander";
import { programFor } from "../server/cli/commands.ts";

const program = await programFor("all", () => undefined);

/** Every command that does something, with the words that lead to it: `board create`. */
export function commandsOf(parent: Command = program, before: readonly string[] = []): [string, Command][] {
  return parent.commands.flatMap((command): [string, Command][] => {
    const words = [...before, command.name()];
    return command.commands.length > 0 ? commandsOf(command, words) : [[words.join(" "), command]];
  });
}

/** What every command that calls a server has, told once. */
const OF_CALLS = ["--url", "--key-file", "--json"];

/** @param tableOf makes Markdown of a head and rows */
export function cliTables(tableOf: (head: string[], rows: string[][]) => string): string {
  return commandsOf()
    .map(([words, command]) => {
      const usage = [`rankwire ${words}`, ...command.registeredArguments.map(argumentText)].join(" ");
      const calls = command.options.some(({ long }) => long === "--key-file");
      const options = command.options.filter(
        (one) => !one.hidden && !(calls && OF_CALLS.includes(one.long ?? "")),
      );
      const about = `${sentenceOf(command)}${calls ? " Calls a server." : ""}`;
      const table = tableOf(["Option", "What it is"], options.map(rowOf));
      return `### \`${usage}\`\n\n${about}${options.length > 0 ? `\n\n${table}` : ""}`;
    })
    .join("\n\n");
}

function argumentText(argument: Argument): string {
  const name = argument.variadic ? `${argument.name()}...` : argument.name();
  return argument.required ? `<${name}>` : `[${name}]`;
}

function sentenceOf(command: Command): string {
  const text = command.description();
  return `${text[0]?.toUpperCase()}${text.slice(1)}.`;
}

function rowOf({ flags, description, mandatory, defaultValue }: Option): string[] {
  const initial = defaultValue === undefined ? "" : ` (default: ${String(defaultValue)})`;
  return [`\`${flags}\``, `${description}${initial}${mandatory ? "; required" : ""}`];
}
