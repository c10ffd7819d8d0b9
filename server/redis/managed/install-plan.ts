/** Which commands install Redis on this system, from its own package manager. Nothing is changed here. */

import type { System } from "../../base/machine/system.ts";
import { isNewEnough, OLDEST_VERSION } from "./find-server.ts";

/** `always`: run even after another step failed. `mayFail`: its failure is not the installation's. */
export type Step = { command: readonly string[]; timeoutMs: number; always?: true; mayFail?: true };

export type Manager = "apt" | "dnf" | "apk" | "brew";

export type InstallPlan = { manager: Manager; steps: readonly Step[] };

const QUESTION_MS = 20_000;
const UPDATE_MS = 120_000;
const INSTALL_MS = 300_000;

const LINUX_MANAGERS = [
  ["apt", "apt-get"],
  ["dnf", "dnf"],
  ["apk", "apk"],
] as const;

/** The package manager of this system; undefined when it is none that we know. */
export async function findManager(system: System): Promise<Manager | undefined> {
  const has = async (program: string): Promise<boolean> =>
    (await system.run([program, "--version"], QUESTION_MS)).code === 0;
  if (system.platform === "darwin") return (await has("brew")) ? "brew" : undefined;
  if (system.platform !== "linux") return undefined;
  for (const [manager, program] of LINUX_MANAGERS) if (await has(program)) return manager;
  return undefined;
}

/** The words to put before a command so that it may install; undefined when this user may not. Homebrew refuses root. */
export async function prefixThatMay(system: System, manager: Manager): Promise<string[] | undefined> {
  if (manager === "brew") return system.isRoot ? undefined : [];
  if (system.isRoot) return [];
  return (await system.run(["sudo", "-n", "true"], QUESTION_MS)).code === 0 ? ["sudo", "-n"] : undefined;
}

/** @throws Error when the package is too old or there is none */
export async function planInstall(
  system: System,
  manager: Manager,
  prefix: readonly string[],
): Promise<InstallPlan> {
  const steps = manager === "apt" ? await aptSteps(system) : otherSteps[manager];
  return { manager, steps: steps.map((step) => ({ ...step, command: [...prefix, ...step.command] })) };
}

/** A new index for apt: for when it knows no package at all, or only files that the mirrors no longer have. */
export function planAptUpdate(prefix: readonly string[]): InstallPlan {
  return { manager: "apt", steps: [{ command: [...prefix, ...APT_GET, "update"], timeoutMs: UPDATE_MS }] };
}

/** The version that apt would install, such as `7.0.15`; undefined when its index has no Redis. */
export async function aptCandidate(system: System): Promise<string | undefined> {
  const { output } = await system.run(
    ["env", "LC_ALL=C", "apt-cache", "policy", "redis-server"],
    QUESTION_MS,
  );
  return /Candidate: (?:\d+:)?(\d+\.\d+\.\d+)/.exec(output)?.[1];
}

// None of these starts a service by itself. Valkey first: newer Fedora and RHEL have it in place of Redis.
const otherSteps: Record<Exclude<Manager, "apt">, readonly Step[]> = {
  dnf: [{ command: ["dnf", "install", "-y", "valkey"], timeoutMs: INSTALL_MS }],
  apk: [{ command: ["apk", "add", "--no-cache", "redis"], timeoutMs: INSTALL_MS }],
  brew: [{ command: ["brew", "install", "redis"], timeoutMs: INSTALL_MS }],
};

// Another apt may hold the lock, as unattended upgrades do after a boot.
const APT_GET = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=60"];
const UNIT = "redis-server.service";

/**
 * Debian's package starts a service on port 6379 and enables it at boot; we want only the program.
 * Under systemd the unit is masked while the package installs: with `--runtime`, so that even a crash of ours leaves
 * nothing behind that outlives a reboot. Elsewhere the init script is stopped right after, for there is no such switch
 * that works without writing into /usr/sbin.
 */
async function aptSteps(system: System): Promise<Step[]> {
  const candidate = await aptCandidate(system);
  if (candidate === undefined) throw new Error("apt knows no package redis-server");
  if (!isNewEnough(candidate)) {
    throw new Error(
      `apt would install Redis ${candidate}, but ${OLDEST_VERSION} or newer is needed; ` +
        "https://packages.redis.io has packages for old systems",
    );
  }
  const install: Step = {
    command: [...APT_GET, "install", "-y", "--no-install-recommends", "redis-server"],
    timeoutMs: INSTALL_MS,
  };
  const small = { timeoutMs: QUESTION_MS, mayFail: true } as const;
  if (system.exists("/run/systemd/system")) {
    return [
      { command: ["systemctl", "mask", "--runtime", UNIT], ...small },
      install,
      { command: ["systemctl", "unmask", "--runtime", UNIT], ...small, always: true },
      { command: ["systemctl", "disable", "--now", UNIT], ...small },
    ];
  }
  return [
    { ...install, command: ["env", "RUNLEVEL=1", ...install.command.slice(1)] },
    { command: ["/etc/init.d/redis-server", "stop"], ...small },
    { command: ["update-rc.d", "redis-server", "disable"], ...small },
  ];
}
