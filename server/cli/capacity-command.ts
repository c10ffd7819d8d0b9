/** `rankwire capacity`: what a deployment of given numbers needs, or with `--live` what the running one uses. */

import { Command, InvalidArgumentError } from "commander";
import { configFromEnvironment } from "../config.ts";
import { capacityBounds } from "../options.ts";
import { type CapacityQuestion, planCapacity } from "./capacity-plan.ts";
import { liveText, planText } from "./capacity-table.ts";
import type { Print } from "./commands.ts";
import { measureRunning } from "./live-connections.ts";

type Options = Partial<CapacityQuestion> & { json?: boolean; live?: boolean };

const MAX = 1e12;

/** A whole number, also written as 10k, 1M or 2.5G. @throws InvalidArgumentError */
export function quantity(text: string): number {
  const [, digits, suffix = ""] = /^(\d+(?:\.\d+)?)([kMG]?)$/.exec(text.replaceAll("_", "")) ?? [];
  // Read as one number: 4.1 times a million is not whole.
  const value = Number(`${digits}e${{ "": 0, k: 3, M: 6, G: 9 }[suffix as "" | "k" | "M" | "G"]}`);
  if (Number.isInteger(value) && value <= MAX) return value;
  throw new InvalidArgumentError("It must be a whole number, such as 250000, 250k or 10M.");
}

function atLeastOne(text: string): number {
  const value = quantity(text);
  if (value >= 1) return value;
  throw new InvalidArgumentError("It must be at least 1.");
}

function upTo(max: number): (text: string) => number {
  return (text) => {
    const value = atLeastOne(text);
    if (value <= max) return value;
    throw new InvalidArgumentError(`It must be at most ${max}.`);
  };
}

export function capacityCommand(print: Print): Command {
  return new Command("capacity")
    .option("--members <n>", "members of all boards together", quantity)
    .option(
      "--sessions <n>",
      "live sessions: players within SESSION_IDLE_MS (default: a tenth of the members)",
      quantity,
    )
    .option("--boards <n>", "boards (default: 1)", atLeastOne)
    .option("--columns <n>", "columns of a board (default: 1)", upTo(8))
    .option("--shards <n>", "shards of a board (default: 8)", upTo(64))
    .option("--rate <n>", "submissions a second (default: 100)", quantity)
    .option(
      "--mean-rate <n>",
      "changes of entries a second, over days (default: a tenth of --rate)",
      quantity,
    )
    .option(
      "--log-days <n>",
      "days that the database keeps the score log (default: 30, as boards do)",
      quantity,
    )
    .option("--seasons <n>", "past seasons that the database keeps (default: 0)", quantity)
    .option("--profiles <n>", "members with a profile (default: 0)", quantity)
    .option("--id-bytes <n>", "length of a member's id (default: 12)", upTo(128))
    .option("--wide", "boards are wide: floats, 64-bit integers, or more than 53 bits")
    .option("--ids", "submissions carry ids, on boards that are not `best`")
    .option("--live", "measure what runs: the Redis of REDIS_URL or DATA_DIR, and the database")
    .option("--json", "the same as JSON")
    .action(async (options: Options) => {
      const config = configFromEnvironment();
      const show = <T>(answer: T, text: (answer: T) => string): void =>
        print(options.json === true ? JSON.stringify(answer, undefined, 2) : text(answer));
      if (options.live === true) show(await measureRunning(config), liveText);
      else if (options.members === undefined)
        throw new InvalidArgumentError(
          "--members is missing: how many members all boards have together, such as 250k.",
        );
      else show(planCapacity(questionOf(options), capacityBounds(config)), planText);
    });
}

export function questionOf(options: Options): CapacityQuestion {
  const { members = 0, boards = 1, wide = false, ids = false } = options;
  const { sessions = Math.ceil(members / 10), columns = wide ? 2 : 1, shards = 8 } = options;
  const { rate = 100, profiles = 0, idBytes = 12 } = options;
  const { meanRate = Math.ceil(rate / 10), logDays = 30, seasons = 0 } = options;
  const written = { rate, meanRate, logDays, seasons, ids };
  return { members, sessions, boards, columns, shards, wide, profiles, idBytes, ...written };
}
