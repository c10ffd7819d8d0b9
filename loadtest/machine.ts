/** The machine and the software that numbers were measured with. */
import { readFile } from "node:fs/promises";
import { cpus, release, totalmem, type } from "node:os";
import { fileURLToPath } from "node:url";
import { findServer } from "../server/redis/managed/find-server.ts";

const GIT = fileURLToPath(new URL("../.git/", import.meta.url));

export async function machineFacts(): Promise<string> {
  const cores = cpus();
  const redis = await findServer();
  const commit = await readCommit();
  return [
    `${cores.length} × ${cores[0]?.model.trim() ?? "unknown CPU"}`,
    `${Math.round(totalmem() / 2 ** 30)} GiB memory`,
    `${type()} ${release()}`,
    `Node ${process.versions.node}`,
    `Redis ${redis?.version ?? "unknown"}`,
    new Date().toISOString().slice(0, 10),
    ...(commit ? [`commit ${commit}`] : []),
  ].join(", ");
}

/** Read from the files: a bench needs no git. */
async function readCommit(): Promise<string | undefined> {
  const read = (path: string): Promise<string> => readFile(GIT + path, "utf8").catch(() => "");
  const head = (await read("HEAD")).trim();
  const ref = /^ref: (\S+)$/.exec(head)?.[1];
  if (!ref) return /^[0-9a-f]{12}/.exec(head)?.[0];
  const loose = /^[0-9a-f]{12}/.exec(await read(ref))?.[0];
  if (loose) return loose;
  const packed = await read("packed-refs");
  return packed
    .split("\n")
    .find((line) => line.endsWith(` ${ref}`))
    ?.slice(0, 12);
}
