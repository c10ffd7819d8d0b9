/**
 * The commands of `rankwire`, in the order of its help. Each is loaded when it is asked for: what all of them need together takes a second,
 * and most need a part of it.
 */
import { Command, CommanderError } from "commander";
import { VERSION } from "../base/version.ts";
import { ApiFailure, usageOf } from "./api-failure.ts";

/** Takes what is to be shown, without an end of line. */
export type Print = (text: string) => void;

type Entry = {
  /** What the help says of it. */
  about: string;
  load: () => Promise<(print: Print) => Command>;
};

export const COMMANDS: Readonly<Record<string, Entry>> = {
  start: {
    about: "the server, as `npm start` runs it",
    load: async () => (await import("./start-command.ts")).startCommand,
  },
  demo: {
    about: "a server with simulated players, as `npm run demo` runs it",
    load: async () => (await import("./demo-command.ts")).demoCommand,
  },
  board: {
    about: "boards of a running server: list, show, create, patch, delete, top, rank, around, submit",
    load: async () => (await import("./board-command.ts")).boardCommand,
  },
  season: {
    about: "seasons of a board: list, show, stage the next one's rules, end the present one",
    load: async () => (await import("./season-command.ts")).seasonCommand,
  },
  member: {
    about: "moderation: hide, show, remove, restore, adjust and ban members",
    load: async () => (await import("./member-command.ts")).memberCommand,
  },
  key: {
    about: "API keys: list, create, rotate, revoke",
    load: async () => (await import("./key-command.ts")).keyCommand,
  },
  audit: {
    about: "who changed what, when and why, the newest first",
    load: async () => (await import("./audit-command.ts")).auditCommand,
  },
  export: {
    about: "a season of a board into a file of NDJSON or CSV",
    load: async () => (await import("./export-command.ts")).exportCommand,
  },
  import: {
    about: "entries of a file or of a Redis ZSET into a board, and a check of both sides",
    load: async () => (await import("./import-command.ts")).importCommand,
  },
  doctor: {
    about: "check settings, machine, Redis, database, clocks and a running server, and say what to change",
    load: async () => (await import("./doctor-command.ts")).doctorCommand,
  },
  rebuild: {
    about: "restore Redis from the database after a total loss; while Rankwire runs, or not",
    load: async () => (await import("./rebuild-command.ts")).rebuildCommand,
  },
  verify: {
    about: "compare Redis and the database, entry by entry, while submissions go on",
    load: async () => (await import("./verify-command.ts")).verifyCommand,
  },
  lost: {
    about: "of a record of acknowledged submissions, those that were lost with Redis",
    load: async () => (await import("./lost-command.ts")).lostCommand,
  },
  capacity: {
    about: "how much memory Redis and PostgreSQL need for so many members, sessions and submissions",
    load: async () => (await import("./capacity-command.ts")).capacityCommand,
  },
};

/** Wrong usage is thrown, and told as whatever else fails: with a code, and as JSON to programs. */
function throwing(command: Command, words: string): void {
  command
    .exitOverride((error) => {
      throw isHelp(error) ? error : new ApiFailure(usageOf(error, words), undefined, error);
    })
    .configureOutput({ outputError: () => undefined });
  for (const one of command.commands) throwing(one, `${words} ${one.name()}`);
}

/** What commander throws where it has printed help, or the version, and all is said. */
export function isHelp(error: unknown): error is CommanderError {
  return error instanceof CommanderError && /^commander\.(help|version)/.test(error.code);
}

/**
 * The program, with the commands that these arguments may mean; the others are names with a line of help.
 * @param args of the command line; `all` loads every command
 * @returns what throws ApiFailure `usage` where the command line is wrong, and what `isHelp` tells where help was printed
 */
export async function programFor(args: readonly string[] | "all", print: Print): Promise<Command> {
  const program = new Command("rankwire")
    .description("Commands for operators of Rankwire. Settings come from the environment, as for the server.")
    .version(VERSION);
  for (const [name, { about, load }] of Object.entries(COMMANDS)) {
    const isAsked = args === "all" || args.includes(name);
    const command = isAsked ? (await load())(print) : new Command(name);
    if (command.description() === "") command.description(about);
    program.addCommand(command.summary(about));
  }
  throwing(program, "rankwire");
  return program;
}
