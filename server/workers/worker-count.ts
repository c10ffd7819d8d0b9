/** `--workers N|auto` of the command line. */
import { parseArgs } from "node:util";

const WORKERS_MAX = 256;

/** @returns undefined without the argument: one process, no workers. @throws Error that says what is wrong */
export function workerCount(args: string[], cores: number): number | undefined {
  const { workers } = parseArgs({ args, options: { workers: { type: "string" } } }).values;
  if (workers === undefined) return undefined;
  if (workers === "auto") return cores;
  const count = Number(workers);
  if (/^\d+$/.test(workers) && count >= 1 && count <= WORKERS_MAX) return count;
  throw new Error(`--workers is a whole number from 1 to ${WORKERS_MAX}, or auto, not "${workers}".`);
}
