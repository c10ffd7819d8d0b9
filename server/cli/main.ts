#!/usr/bin/env -S node --import tsx
/** `rankwire <command>`: what operators do, beside the running server or with it. */
import { failureJson, failureText } from "./api-failure.ts";
import { isHelp, programFor } from "./commands.ts";

const args = process.argv.slice(2);

try {
  const program = await programFor(args, (text) => console.log(text));
  await program.parseAsync();
} catch (error) {
  if (!isHelp(error)) console.error(args.includes("--json") ? failureJson(error) : failureText(error));
  process.exitCode = isHelp(error) ? error.exitCode : 1;
}
