/** Which server a command talks to, and as whom: RANKWIRE_URL and RANKWIRE_KEY, or `--url` and `--key-file`. Never a key as an argument. */
import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { callSettings, type Environment, wholeEnvironment } from "../config.ts";
import { refuse } from "./api-failure.ts";

export type ApiTarget = {
  /** Without a slash at its end. */
  url: string;
  /** An API key; undefined calls as anyone. */
  key: string | undefined;
};

/** What `targetOptions` puts into a command's options. */
export type TargetOptions = { url?: string; keyFile?: string; key?: string };

/** Adds `--url` and `--key-file` to a command. `--key` is there to be refused with the reason. */
export function targetOptions(command: Command): Command {
  return command
    .option("--url <url>", "the server (default: that of RANKWIRE_URL, else http://127.0.0.1:8080)")
    .option("--key-file <path>", "file with the API key (default: the key in RANKWIRE_KEY)")
    .addOption(command.createOption("--key <key>").hideHelp());
}

/** @throws ApiFailure usage for a key on the command line, an address that is none, a file that cannot be read or is empty */
export async function targetOf(
  options: TargetOptions,
  env: Environment = wholeEnvironment(),
): Promise<ApiTarget> {
  if (options.key !== undefined) {
    refuse(
      "A key on the command line is shown to everybody on this machine by ps, and kept in the shell's history.",
      "Put it into RANKWIRE_KEY, or into a file for --key-file; and rotate this one, since it has been seen.",
    );
  }
  const { RANKWIRE_URL, RANKWIRE_KEY } = callSettings(env);
  const url = (options.url ?? RANKWIRE_URL).replace(/\/+$/, "");
  if (!/^https?:\/\/[^/]/.test(url) || !URL.canParse(url)) {
    refuse(`${url} is not the address of a server.`, "It begins with http:// or https://.");
  }
  const key = options.keyFile === undefined ? RANKWIRE_KEY?.trim() : await keyOfFile(options.keyFile);
  return { url, key: key === "" ? undefined : key };
}

async function keyOfFile(path: string): Promise<string> {
  const text = await readFile(path, "utf8").catch((error: Error) =>
    refuse(`The key's file cannot be read: ${error.message}.`, "Give a file that holds the key alone."),
  );
  const key = text.trim();
  if (key === "" || /\s/.test(key)) {
    refuse(`${path} does not hold one key.`, "The file holds the key alone, on one line.");
  }
  return key;
}
