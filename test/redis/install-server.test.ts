import { chmod, mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { type CommandResult, runCommand, type System } from "../../server/base/machine/system.ts";
import { findServer, isNewEnough } from "../../server/redis/managed/find-server.ts";
import { ensureServer, type InstallOptions } from "../../server/redis/managed/install-server.ts";
import { testRunFolder } from "../support/shared-redis.ts";

let bin: string;
beforeEach(async () => {
  bin = await mkdtemp(join(testRunFolder(), "bin-"));
});

/** A program that only tells its version. */
async function addServer(program: string, says: string, folder = bin): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, program), `#!/bin/sh\necho "${says}"\n`);
  await chmod(join(folder, program), 0o755);
}

const redisSays = (version: string): string => `Redis server v=${version} sha=00000000:0 malloc=libc bits=64`;

describe("findServer", () => {
  const find = () => findServer({ path: `/nowhere::${bin}`, places: [join(bin, "sbin")] });

  it("finds redis-server on the path and reads its version", async () => {
    await addServer("redis-server", redisSays("7.2.4"));
    expect(await find()).toEqual({ command: join(bin, "redis-server"), version: "7.2.4" });
  });

  it("finds valkey-server in a place that the path leaves out", async () => {
    await addServer("valkey-server", "Valkey server v=8.1.3 sha=00000000:0", join(bin, "sbin"));
    expect(await find()).toEqual({ command: join(bin, "sbin", "valkey-server"), version: "8.1.3" });
  });

  it("passes over a server that is too old for a newer one", async () => {
    await addServer("redis-server", redisSays("6.2.14"));
    await addServer("valkey-server", "Valkey server v=7.2.5 sha=00000000:0");
    expect(await find()).toEqual({ command: join(bin, "valkey-server"), version: "7.2.5" });
  });

  it("refuses when the only one is too old, and names it", async () => {
    await addServer("redis-server", redisSays("6.0.16"));
    await expect(find()).rejects.toThrow(`7.0.0 or newer is needed, but ${bin}/redis-server is 6.0.16`);
  });

  it("finds nothing where there is nothing, or something else of that name", async () => {
    expect(await find()).toBeUndefined();
    await addServer("redis-server", "hello");
    expect(await find()).toBeUndefined();
  });

  it.each([
    ["7.0.0", true],
    ["7.0.15", true],
    ["8.2.1", true],
    ["10.0.0", true],
    ["6.2.19", false],
    ["6.10.0", false],
  ])("judges %s: new enough is %s", (version, expected) => {
    expect(isNewEnough(version)).toBe(expected);
  });
});

type Machine = {
  system: System;
  /** What was run to change the machine, questions left out. */
  ran: string[];
  said: string[];
  ensure(more?: Partial<InstallOptions>): ReturnType<typeof ensureServer>;
};

type Answers = Record<string, CommandResult | (() => CommandResult | Promise<CommandResult>)>;

const ok = (output = ""): CommandResult => ({ code: 0, output });
const candidate = (version: string): CommandResult => ok(`redis-server:\n  Candidate: ${version}\n`);
const QUESTION = /--version$|apt-cache|^sudo -n true$/;

/** A machine that answers by the first entry that its command contains; with none there is no such program. */
function machine(answers: Answers, more: Partial<System> = {}): Machine {
  const ran: string[] = [];
  const said: string[] = [];
  const system: System = {
    platform: "linux",
    isRoot: true,
    exists: () => false,
    run: async (command) => {
      const line = command.join(" ");
      if (!QUESTION.test(line)) {
        expect(said, "said before it is run").toContain(`  ${line}`);
        ran.push(line);
      }
      const answer = Object.entries(answers).find(([words]) => line.includes(words))?.[1];
      return typeof answer === "function" ? answer() : (answer ?? { code: 127, output: "" });
    },
    ...more,
  };
  const say = (line: string): void => void said.push(line);
  const where = { path: bin, places: [] };
  const ensure = (own: Partial<InstallOptions> = {}) =>
    ensureServer({ install: "auto", say, system, where, ...own });
  return { system, ran, said, ensure };
}

const install = async (): Promise<CommandResult> => {
  await addServer("redis-server", redisSays("7.0.15"));
  return ok();
};

const APT = "env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=60";
const APT_QUIET = `env RUNLEVEL=1 ${APT.slice(4)} install -y --no-install-recommends redis-server`;

describe("ensureServer", () => {
  it("installs nothing where there is a server already", async () => {
    await addServer("redis-server", redisSays("7.0.15"));
    const { ensure, ran, said } = machine({});
    expect(await ensure()).toMatchObject({ version: "7.0.15" });
    expect([ran, said]).toEqual([[], []]);
  });

  it("installs with apt as root, without a service, and stops what the package starts", async () => {
    const debian = machine({
      "apt-cache": candidate("5:7.0.15-1~deb12u10"),
      "apt-get --version": ok(),
      "install -y": install,
    });
    expect(await debian.ensure()).toEqual({ command: join(bin, "redis-server"), version: "7.0.15" });
    expect(debian.ran).toEqual([
      APT_QUIET,
      "/etc/init.d/redis-server stop",
      "update-rc.d redis-server disable",
    ]);
    expect(debian.said[0]).toContain("installs it now");
  });

  it("masks the unit while apt installs under systemd, and unmasks it even when that fails", async () => {
    const answers = { "apt-cache": candidate("5:7.0.15-1"), "apt-get --version": ok(), "apt-get": ok() };
    const systemd = (path: string): boolean => path === "/run/systemd/system";
    const good = machine({ "install -y": install, ...answers }, { exists: systemd, isRoot: false });
    await expect(good.ensure()).rejects.toThrow("this user may not install packages");
    const sudo = machine(
      { "sudo -n true": ok(), "install -y": install, ...answers },
      { exists: systemd, isRoot: false },
    );
    await sudo.ensure();
    expect(sudo.ran).toEqual([
      "sudo -n systemctl mask --runtime redis-server.service",
      `sudo -n ${APT} install -y --no-install-recommends redis-server`,
      "sudo -n systemctl unmask --runtime redis-server.service",
      "sudo -n systemctl disable --now redis-server.service",
    ]);
  });

  it("unmasks the unit even when the installation fails, and tells why it failed", async () => {
    const failed = machine(
      {
        "apt-cache": candidate("5:7.0.15-1"),
        "apt-get --version": ok(),
        "install -y": { code: 100, output: "E: disk full" },
        update: ok(),
      },
      { exists: () => true },
    );
    await expect(failed.ensure()).rejects.toThrow("ended with 100:\nE: disk full");
    expect(failed.ran.at(-1)).toBe("systemctl unmask --runtime redis-server.service");
  });

  it("updates apt's index first when that has no Redis", async () => {
    let updated = false;
    const fresh = machine({
      "apt-cache": () => (updated ? candidate("5:7.0.15-1") : candidate("(none)")),
      "apt-get --version": ok(),
      " update": () => {
        updated = true;
        return ok();
      },
      "install -y": install,
    });
    await fresh.ensure();
    expect(fresh.ran.slice(0, 2)).toEqual([`${APT} update`, APT_QUIET]);
  });

  it("tells why the update failed, unless Redis is known after it all the same", async () => {
    let known = candidate("(none)");
    const answers = (after: string): Answers => ({
      "apt-cache": () => known,
      "apt-get --version": ok(),
      " update": () => {
        known = candidate(after);
        return { code: 100, output: "E: a source is not signed" };
      },
      "install -y": install,
    });
    await expect(machine(answers("(none)")).ensure()).rejects.toThrow("E: a source is not signed");
    expect(await machine(answers("5:7.0.15-1")).ensure()).toMatchObject({ version: "7.0.15" });
  });

  it("updates apt's index and tries once more when the index is out of date", async () => {
    let updated = false;
    const outOfDate = machine({
      "apt-cache": candidate("5:7.0.15-1"),
      "apt-get --version": ok(),
      " update": () => {
        updated = true;
        return ok();
      },
      "install -y": () => (updated ? install() : { code: 100, output: "404  Not Found" }),
    });
    await outOfDate.ensure();
    expect(outOfDate.ran.slice(0, 3)).toEqual([APT_QUIET, `${APT} update`, APT_QUIET]);
  });

  it("does not install a package that is too old", async () => {
    const old = machine({ "apt-cache": candidate("5:6.0.16-1ubuntu1"), "apt-get --version": ok() });
    await expect(old.ensure()).rejects.toThrow("apt would install Redis 6.0.16");
    expect(old.ran).toEqual([]);
  });

  it.each([
    ["dnf", {}, "dnf install -y valkey"],
    ["apk", {}, "apk add --no-cache redis"],
    ["brew", { platform: "darwin", isRoot: false }, "brew install redis"],
  ] as const)("installs with %s", async (program, more, command) => {
    const { ensure, ran } = machine({ [`${program} --version`]: ok(), [command]: install }, more);
    await ensure();
    expect(ran).toEqual([command]);
  });

  it.each([
    ["is told never to", {}, { install: "never" }, "the settings forbid"],
    ["is neither root nor has sudo without a password", { isRoot: false }, {}, "this user may not"],
    ["would run Homebrew as root", { platform: "darwin" }, {}, "Homebrew does not run as root"],
    ["does not know the system", { platform: "freebsd" }, {}, "no package manager"],
  ] as const)("runs nothing and says what to type when it %s", async (_, system, options, why) => {
    const { ensure, ran } = machine({ "apt-get --version": ok(), "brew --version": ok() }, system);
    const error = await ensure(options).catch((thrown: Error) => thrown);
    const lines = (error as Error).message.split("\n");
    expect(lines[0]).toContain(why);
    expect(lines.slice(2).map((line) => line.trim().split(":")[0])).toEqual([
      "Debian, Ubuntu",
      "Fedora, RHEL",
      "Alpine",
      "macOS",
    ]);
    expect(ran).toEqual([]);
  });
});

describe("runCommand", () => {
  it("gives the exit code and the output, and 127 when there is no such program", async () => {
    expect(await runCommand(["sh", "-c", "echo out; echo err >&2; exit 3"], 5_000)).toEqual({
      code: 3,
      output: "out\nerr",
    });
    expect(await runCommand(["no-such-program-at-all"], 5_000)).toMatchObject({ code: 127 });
  });

  it("kills what takes too long", async () => {
    expect(await runCommand(["sleep", "60"], 100)).toMatchObject({ code: -1 });
  });
});
