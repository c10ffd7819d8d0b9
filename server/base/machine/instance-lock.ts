/**
 * One Rankwire per DATA_DIR. The lock is a file that names its owner by pid and start time, so one that a crash left
 * behind is known for what it is, even when the pid has been given to somebody else since.
 */
import { randomUUID } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { sleep } from "../clock.ts";
import { describeProcess } from "./process-table.ts";

export type InstanceLock = { release(): Promise<void> };

type Owner = { pid: number; startedAt: string };

const ATTEMPTS_MAX = 20;

/** @throws Error naming the owner's pid when another process that is alive holds the lock */
export async function takeInstanceLock(file: string, dataDir: string): Promise<InstanceLock> {
  const self = await describeProcess(process.pid);
  const content = JSON.stringify({ pid: process.pid, startedAt: self?.startedAt ?? randomUUID() });
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    if (await create(file, content)) return { release: () => release(file, content) };
    const present = await readOrEmpty(file);
    const owner = parseOwner(present);
    if (owner && (await isAlive(owner))) {
      throw new Error(
        `Rankwire already runs on ${dataDir} (process ${owner.pid}). Stop it first, or set another DATA_DIR.`,
      );
    }
    // Without an owner the file is perhaps being written at this moment; after a power cut it stays empty.
    if (!owner && attempt < ATTEMPTS_MAX / 2) await sleep(50);
    else await removeStale(file, present);
  }
  throw new Error(
    `The lock ${file} keeps changing: several Rankwires are starting on ${dataDir}. Start one.`,
  );
}

/** The process that holds a lock; undefined where nobody does. For who only looks. */
export async function lockOwner(file: string): Promise<number | undefined> {
  const owner = parseOwner(await readOrEmpty(file));
  return owner && (await isAlive(owner)) ? owner.pid : undefined;
}

async function create(file: string, content: string): Promise<boolean> {
  try {
    await writeFile(file, content, { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** By renaming, so that of two who find the same stale lock one alone removes it; a fresh one is put back. */
async function removeStale(file: string, stale: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`;
  try {
    await rename(file, aside);
  } catch {
    return;
  }
  const taken = await readOrEmpty(aside);
  if (taken !== stale) await create(file, taken);
  await rm(aside, { force: true });
}

async function release(file: string, content: string): Promise<void> {
  if ((await readOrEmpty(file)) === content) await rm(file, { force: true });
}

async function readOrEmpty(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch {
    return "";
  }
}

function parseOwner(text: string): Owner | undefined {
  try {
    const owner = JSON.parse(text) as Partial<Owner> | null;
    if (typeof owner?.pid !== "number" || typeof owner.startedAt !== "string") return undefined;
    return { pid: owner.pid, startedAt: owner.startedAt };
  } catch {
    return undefined;
  }
}

async function isAlive({ pid, startedAt }: Owner): Promise<boolean> {
  return (await describeProcess(pid))?.startedAt === startedAt;
}
