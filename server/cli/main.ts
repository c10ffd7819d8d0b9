#!/usr/bin/env -S node --import tsx
/** `rankwire <command>`: what operators do beside the running server. A file for each command. */
import { Command } from "commander";
import { failureJson, failureText } from "./api-failure.ts";
import { capacityCommand } from "./capacity-command.ts";
import { lostCommand } from "./lost-command.ts";
import { rebuildCommand } from "./rebuild-command.ts";
import { verifyCommand } from "./verify-command.ts";

const program = new Command("rankwire")
  .description("Commands for operators of Rankwire. Settings come from the environment, as for the server.")
  .addCommand(capacityCommand((text) => console.log(text)))
  .addCommand(lostCommand((text) => console.log(text)))
  .addCommand(rebuildCommand((text) => console.log(text)))
  .addCommand(verifyCommand((text) => console.log(text)))
  .showHelpAfterError();

try {
  await program.parseAsync();
} catch (error) {
  console.error(process.argv.includes("--json") ? failureJson(error) : failureText(error));
  process.exitCode = 1;
}
