#!/usr/bin/env -S node --import tsx
/** `rankwire <command>`: what operators do, beside the running server or with it. */
import { CommanderError } from "commander";
import { failureJson, failureText } from "./api-failure.ts";
import { programFor } from "./commands.ts";

const args = process.argv.slice(2);

try {
  const program = await programFor(args, (text) => console.log(text));
  await program.parseAsync();
} catch (error) {
  // Help that was printed says all.
  const isHelp = error instanceof CommanderError && /^commander\.(help|version)/.test(error.code);
  if (!isHelp) console.error(args.includes("--json") ? failureJson(error) : failureText(error));
  process.exitCode = isHelp ? error.exitCode : 1;
}
