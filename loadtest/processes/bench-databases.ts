/** Databases of a bench's own: PGlite in a folder, and a PostgreSQL where this machine has its programs. Both go with `close`. */
import { spawn, spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sleep } from "../../server/base/clock.ts";
import { freePorts } from "../../server/base/free-ports.ts";
import { createLog } from "../../server/base/log.ts";
import { parseConfig } from "../../server/config.ts";
import { Database } from "../../server/database/database.ts";
import { databaseOptions } from "../../server/options.ts";
import { newDataFolder } from "./data-folder.ts";
import { familyCpuUs } from "./process-cpu.ts";

export type BenchDatabase = {
  kind: "pglite" | "postgresql";
  database: Database;
  /** What its own processes have used so far, in µs: 0 of PGlite, which is in ours. */
  cpuUs: () => number;
  close: () => Promise<void>;
};

const DEBIAN = "/usr/lib/postgresql";
const START_MS = 20_000;
/** The database says so at every connection that is refused while it starts. */
const log = createLog({ level: "silent", pretty: false });

export async function openPglite(): Promise<BenchDatabase> {
  const dataDir = newDataFolder();
  const database = new Database({ ...databaseOptions(parseConfig({ DATA_DIR: dataDir })), log });
  await database.ready();
  const close = async (): Promise<void> => {
    await database.close();
    rmSync(dataDir, { recursive: true, force: true });
  };
  return { kind: "pglite", database, cpuUs: () => 0, close };
}

/** With PostgreSQL's own settings, but 256 MB of buffers. Undefined where it is not installed. */
export async function openPostgres(): Promise<BenchDatabase | undefined> {
  const programs = programsFolder();
  if (programs === undefined) return undefined;
  const owner = ownerOf();
  const dir = mkdtempSync(join(tmpdir(), "rankwire-bench-pg-"));
  if (owner) chownSync(dir, owner.uid, owner.gid);
  const data = join(dir, "data");
  const init = spawnSync(
    join(programs, "initdb"),
    ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"],
    { ...owner, cwd: "/" },
  );
  if (init.status !== 0) throw new Error(`initdb ended with ${init.status}: ${init.stderr}`);
  const [port = 0] = await freePorts(1);
  const settings = ["listen_addresses=127.0.0.1", `unix_socket_directories=${dir}`, "shared_buffers=256MB"];
  const args = ["-D", data, "-p", String(port), ...settings.flatMap((setting) => ["-c", setting])];
  const child = spawn(join(programs, "postgres"), args, { ...owner, cwd: "/", stdio: "ignore" });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  // SIGQUIT is "at once": its data is not wanted any more.
  const end = (): boolean => child.kill("SIGQUIT");
  process.once("exit", end);
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const database = new Database({ ...databaseOptions(parseConfig({ DATABASE_URL: url })), log });
  const cpuUs = (): number => familyCpuUs(child.pid!);
  const close = async (): Promise<void> => {
    await database.close();
    end();
    await exited;
    process.removeListener("exit", end);
    rmSync(dir, { recursive: true, force: true });
  };
  for (const endsAt = performance.now() + START_MS; ; await sleep(50)) {
    const trouble = await database.ready().then(
      () => undefined,
      (error: unknown) => error,
    );
    if (trouble === undefined) return { kind: "postgresql", database, cpuUs, close };
    if (performance.now() < endsAt && child.exitCode === null) continue;
    await close();
    throw trouble;
  }
}

function programsFolder(): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  return versions
    .map((version) => join(DEBIAN, version, "bin"))
    .find((bin) => existsSync(join(bin, "initdb")));
}

/** PostgreSQL does not run as root. */
function ownerOf(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = (flag: string): number =>
    Number.parseInt(spawnSync("id", [flag, "postgres"], { encoding: "utf8" }).stdout, 10);
  return { uid: idOf("-u"), gid: idOf("-g") };
}
