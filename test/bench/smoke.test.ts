/** The benches run from end to end. What they measure in a smoke run means nothing and is not looked at. */
import { spawn } from "node:child_process";
import { describe, expect, test } from "vitest";
import { ROOT } from "../style/sources.ts";
import { embeddedTemplate } from "../support/embedded-template.ts";

type Run = { code: number | null; stdout: string; stderr: string };

async function bench(...args: string[]): Promise<Run> {
  const env = { ...process.env, BENCH_PGLITE_TEMPLATE: await embeddedTemplate() };
  return new Promise((resolve, reject) => {
    const child = spawn("npm", ["run", "--silent", "bench", "--", ...args], { cwd: ROOT, env });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("npm run bench", () => {
  test.each([
    ["submit", "submit.redis-cpu.set"],
    ["fanout", "fanout.latency.p99"],
    ["ranks", "ranks.rerank-100_000.same-boundaries"],
    ["push", "push.lag.own-socket.p99"],
    ["cluster", "cluster.failover.writes-again"],
    ["limits", "limits.sliding-window.redis-cpu"],
    ["memory", "memory.idle-board"],
    ["profiles", "profiles.stampede.queries"],
    ["sessions", "sessions.key-check.table"],
    ["seasons", "seasons.pglite.final-table"],
    ["rewards", "rewards.pglite.all.rate"],
    ["rebuild", "rebuild.packed.pglite"],
    ["archive", "archive.pglite.full-log"],
    ["history", "history.rank-index"],
    ["import", "import.packed.ndjson"],
    ["export", "export.pglite.ndjson"],
  ])(
    "%s prints a JSON line per figure and leaves no Redis behind",
    { timeout: 60_000 },
    async (name, one) => {
      const { code, stdout, stderr } = await bench(name, "--quick");
      expect(code, stderr).toBe(0);
      const figures = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(figures.map((figure) => figure.name)).toContain(one);
      for (const figure of figures) {
        expect(Object.keys(figure)).toEqual(["name", "value", "unit", "baseline", "ratio", "target", "ok"]);
        expect(Number.isFinite(figure.value), JSON.stringify(figure)).toBe(true);
      }
      const pids = [...stderr.matchAll(/^redis-server \S+ on port \d+, pid (\d+)$/gm)].map(([, pid]) =>
        Number(pid),
      );
      expect(pids.length).toBeGreaterThan(0);
      expect(pids.filter(isRunning)).toEqual([]);
    },
  );

  test("without a name lists what there is, and refuses a name that there is not", async () => {
    expect((await bench()).stderr).toContain("submit");
    expect((await bench("nothing")).code).toBe(2);
  });
});
