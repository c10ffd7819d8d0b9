/** PostgreSQL's programs for the tests: the system's own, installed first where that is possible. Nothing is left running by it. */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";

const INSTALL = "apt-get install -y --no-install-recommends -o Dpkg::Options::=--force-confold postgresql";
const UPDATE = "apt-get update";
/** Debian's package makes a cluster of its own and starts it, unless this file says otherwise. */
const CLUSTER_CONFIG = "/etc/postgresql-common/createcluster.conf";
const DEBIAN = "/usr/lib/postgresql";

/** @returns the folder of `initdb` and `postgres`. @throws Error that says what to type when there is none */
export function findPostgres(): string {
  return findFolder() ?? install();
}

function findFolder(): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const inPath = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  const folders = [...versions.map((version) => join(DEBIAN, version, "bin")), ...inPath];
  return folders.find((folder) => ["initdb", "postgres"].every((name) => isExecutable(join(folder, name))));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function install(): string {
  const advice = `The tests of the database need PostgreSQL. Type: sudo ${INSTALL}`;
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) throw new Error(advice);
  if (!existsSync(CLUSTER_CONFIG)) {
    mkdirSync("/etc/postgresql-common", { recursive: true });
    writeFileSync(CLUSTER_CONFIG, "create_main_cluster = false\n");
  }
  // A fresh container has no package lists yet, and the first try fails.
  for (const command of [INSTALL, UPDATE, INSTALL]) {
    console.log(`There is no PostgreSQL. Running: ${command}`);
    const [file = "", ...args] = command.split(" ");
    spawnSync(file, args, {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
    const found = findFolder();
    if (found !== undefined) return found;
  }
  throw new Error(advice);
}
