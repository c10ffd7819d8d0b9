/** CPU that other processes have used, as Linux tells it. */
import { readdirSync, readFileSync } from "node:fs";

/** Of a clock tick, as Linux counts them towards programs. */
const TICK_US = 10_000;

/** User and system time of a process and its children, those that ended among them, in µs. NaN where there is no /proc. */
export function familyCpuUs(pid: number): number {
  const parent = fieldsOf(`${pid}`);
  if (!parent) return Number.NaN;
  // utime, stime; then those of the children that it has collected.
  let ticks = ticksIn(parent, 11, 15);
  for (const other of readdirSync("/proc")) {
    const fields = /^\d+$/.test(other) ? fieldsOf(other) : undefined;
    if (fields && Number(fields[1]) === pid) ticks += ticksIn(fields, 11, 13);
  }
  return ticks * TICK_US;
}

function ticksIn(fields: readonly string[], from: number, to: number): number {
  return fields.slice(from, to).reduce((sum, ticks) => sum + Number(ticks), 0);
}

/** Of /proc/<pid>/stat, from its third field, the state. */
function fieldsOf(pid: string): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The second field is the program's name in brackets and may hold spaces and brackets itself.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}
