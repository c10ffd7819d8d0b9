/** A real browser for the tests of the page: the system's chromium, installed first where that is possible. */
import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium } from "playwright-core";

const COMMANDS = ["chromium", "chromium-browser", "google-chrome"];
const INSTALL = "apt-get install -y --no-install-recommends chromium";
const UPDATE = "apt-get update";
/** Nothing but the page itself may use the network. Playwright adds an empty profile of its own. */
const FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
];

/** Time for `launchBrowser` where it has to install one. */
export const INSTALL_MS = 300_000;

/** @throws Error that says what to type when there is no browser */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = findCommand(COMMANDS) ?? (await install());
  return chromium.launch({ executablePath, args: FLAGS });
}

function findCommand(names: readonly string[]): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function install(): Promise<string> {
  const advice = `The tests of the page need a browser. Type: sudo ${INSTALL}`;
  if (process.getuid?.() !== 0 || !findCommand(["apt-get"])) throw new Error(advice);
  // A fresh container has no package lists yet, and the first try fails.
  for (const command of [INSTALL, UPDATE, INSTALL]) {
    console.log(`There is no chromium. Running: ${command}`);
    const hasRun = await succeeds(command);
    const installed = findCommand(COMMANDS);
    if (hasRun && installed !== undefined) return installed;
  }
  throw new Error(advice);
}

function succeeds(command: string): Promise<boolean> {
  const [file = "", ...args] = command.split(" ");
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  return new Promise((resolve) => {
    const child = spawn(file, args, { stdio: ["ignore", "inherit", "inherit"], env });
    child.once("error", () => resolve(false));
    child.once("close", (code) => resolve(code === 0));
  });
}
