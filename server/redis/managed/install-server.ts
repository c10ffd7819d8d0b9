/** Makes sure that there is a Redis server on this machine: finds one, or installs one where that is allowed. */

import { type System, thisSystem } from "../../base/machine/system.ts";
import { type FoundServer, findServer, type WhereToLook } from "./find-server.ts";
import {
  aptCandidate,
  findManager,
  type InstallPlan,
  type Manager,
  planAptUpdate,
  planInstall,
  prefixThatMay,
} from "./install-plan.ts";

export type InstallOptions = {
  install: "auto" | "never";
  /** For people: called with each line before anything is run. */
  say: (line: string) => void;
  system?: System;
  where?: WhereToLook;
};

/**
 * @throws Error with one line for each kind of system that says what to type, when there is no server and it may not or
 * could not be installed; Error naming the version when the only one is too old
 */
export async function ensureServer(options: InstallOptions): Promise<FoundServer> {
  const { install, say, system = thisSystem, where } = options;
  const found = await findServer(where);
  if (found) return found;
  if (install === "never") {
    throw new Error(howToInstall("There is no redis-server, and the settings forbid installing one."));
  }
  await installServer(system, say);
  const installed = await findServer(where);
  if (!installed) throw new Error(howToInstall("The package was installed, but there is no redis-server."));
  say(`Installed ${installed.command} ${installed.version}.`);
  return installed;
}

/** @param reason a sentence. @returns the reason and what to type, a line for each kind of system */
export function howToInstall(reason: string): string {
  return `${reason}
Install Redis 7.0 or newer, or Valkey, and start again; or set REDIS_URL to a Redis that runs elsewhere:
  Debian, Ubuntu:  sudo apt-get update && sudo apt-get install -y redis-server && sudo systemctl disable --now redis-server
  Fedora, RHEL:    sudo dnf install -y valkey
  Alpine:          sudo apk add redis
  macOS:           brew install redis`;
}

async function installServer(system: System, say: (line: string) => void): Promise<void> {
  const manager = await findManager(system);
  if (!manager) {
    throw new Error(howToInstall("There is no redis-server, and no package manager that Rankwire knows."));
  }
  const prefix = await prefixThatMay(system, manager);
  if (!prefix) {
    const why = system.isRoot ? "Homebrew does not run as root" : "this user may not install packages";
    throw new Error(howToInstall(`There is no redis-server, and ${why}.`));
  }
  try {
    say("There is no redis-server on this machine. Rankwire installs it now by running:");
    await installWith(manager, prefix, system, say);
  } catch (error) {
    throw new Error(howToInstall(`Redis could not be installed: ${(error as Error).message}.`), {
      cause: error,
    });
  }
}

async function installWith(
  manager: Manager,
  prefix: readonly string[],
  system: System,
  say: (line: string) => void,
): Promise<void> {
  let updated = false;
  const update = async (): Promise<void> => {
    updated = true;
    try {
      await carryOut(planAptUpdate(prefix), system, say);
    } catch (error) {
      // One broken source among many fails the whole update; the others' packages are there all the same.
      if ((await aptCandidate(system)) === undefined) throw error;
    }
  };
  // A fresh image has no index; an old one names files that are gone. Otherwise an update is only time lost.
  if (manager === "apt" && (await aptCandidate(system)) === undefined) await update();
  const plan = await planInstall(system, manager, prefix);
  try {
    await carryOut(plan, system, say);
  } catch (error) {
    if (manager !== "apt" || updated) throw error;
    await update();
    await carryOut(plan, system, say);
  }
}

/** Runs the steps in order, after saying all of them. @throws Error with the end of the output of what failed */
async function carryOut({ steps }: InstallPlan, system: System, say: (line: string) => void): Promise<void> {
  for (const { command } of steps) say(`  ${command.join(" ")}`);
  let failure: Error | undefined;
  for (const { command, timeoutMs, always, mayFail } of steps) {
    if (failure && !always) continue;
    const { code, output } = await system.run(command, timeoutMs);
    if (code === 0 || mayFail) continue;
    const end = output.split("\n").slice(-8).join("\n");
    failure = new Error(`\`${command.join(" ")}\` ended with ${code}:\n${end}\n`);
  }
  if (failure) throw failure;
}
