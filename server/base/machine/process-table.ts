/** Other processes of this machine. A pid alone proves nothing: it is given out again, in containers soon after. */
import { readFile } from "node:fs/promises";
import { sleep } from "../clock.ts";
import { runCommand } from "./system.ts";

/** `startedAt` has no unit; with the pid it names a process for good. `command` is the command line as it shows itself. */
export type ProcessEntry = { pid: number; startedAt: string; command: string };

/** Undefined when there is no such process, or only what its parent has not yet collected of it. */
export function describeProcess(pid: number): Promise<ProcessEntry | undefined> {
  return process.platform === "linux" ? fromProc(pid) : fromPs(pid);
}

/** SIGTERM, then SIGKILL after `deadlineMs`. @throws Error when the process outlives both, or may not be signalled */
export async function endProcess(entry: ProcessEntry, deadlineMs: number): Promise<void> {
  for (const [signal, waitMs] of [
    ["SIGTERM", deadlineMs],
    ["SIGKILL", 5_000],
  ] as const) {
    if (!(await isStillThere(entry))) return;
    process.kill(entry.pid, signal);
    const endsAt = performance.now() + waitMs;
    while (performance.now() < endsAt) {
      if (!(await isStillThere(entry))) return;
      await sleep(20);
    }
  }
  throw new Error(`Process ${entry.pid} (${entry.command}) does not end.`);
}

export async function isStillThere({ pid, startedAt }: ProcessEntry): Promise<boolean> {
  return (await describeProcess(pid))?.startedAt === startedAt;
}

async function fromProc(pid: number): Promise<ProcessEntry | undefined> {
  try {
    const [stat, command, boot] = await Promise.all([
      readFile(`/proc/${pid}/stat`, "latin1"),
      readFile(`/proc/${pid}/cmdline`, "utf8"),
      readFile("/proc/sys/kernel/random/boot_id", "latin1"),
    ]);
    // The second field is the program's name in brackets and may hold spaces and brackets itself.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, startTicks] = [fields[0], fields[19]];
    if (state === "Z" || state === "X" || startTicks === undefined) return undefined;
    return { pid, startedAt: `${boot.trim()}/${startTicks}`, command: command.replaceAll("\0", " ").trim() };
  } catch {
    return undefined;
  }
}

async function fromPs(pid: number): Promise<ProcessEntry | undefined> {
  const { code, output } = await runCommand(
    ["ps", "-ww", "-o", "stat=", "-o", "lstart=", "-o", "command=", "-p", `${pid}`],
    5_000,
  );
  // lstart is five words: Mon Nov 23 10:11:12 2026
  const match = /^(\S+)\s+((?:\S+\s+){4}\S+)\s+(.*)$/s.exec(output);
  if (code !== 0 || !match || match[1]!.startsWith("Z")) return undefined;
  return { pid, startedAt: match[2]!.replaceAll(/\s+/g, " "), command: match[3]! };
}
