/** `rankwire doctor`: settings, machine, Redis, database, clocks and a running server, and what to change. Writes nothing anywhere. */
import { Command } from "commander";
import { VERSION } from "../base/version.ts";
import { wholeEnvironment } from "../config.ts";
import type { Print } from "./commands.ts";
import { checkDatabase } from "./doctor/database-checks.ts";
import { type Finding, findingsOf } from "./doctor/finding.ts";
import { checkMachine } from "./doctor/machine-checks.ts";
import { checkRedisStores } from "./doctor/redis-checks.ts";
import { checkServer } from "./doctor/server-checks.ts";
import { checkSettings } from "./doctor/settings-checks.ts";

type Report = { version: string; problems: number; warnings: number; findings: Finding[] };

export function doctorCommand(print: Print): Command {
  return new Command("doctor")
    .option("--json", "the findings as JSON")
    .addHelpText("after", "\nEnds with 1 where there is a problem; warnings alone end with 0.")
    .action(async ({ json }: { json?: boolean }) => {
      const report = await examine();
      print(json === true ? JSON.stringify(report, undefined, 2) : reportText(report));
      if (report.problems > 0) process.exitCode = 1;
    });
}

async function examine(): Promise<Report> {
  const env = wholeEnvironment();
  const { config, findings: ofSettings } = checkSettings(env);
  // One after the other: round trips are measured, and nothing of ours shall stand in their way.
  const findings = [
    ...ofSettings,
    ...(await whole("machine", checkMachine(config))),
    ...(await whole("redis", checkRedisStores(config))),
    ...(await whole("database", checkDatabase(config))),
    ...(await whole("server", checkServer(config, env))),
  ];
  const count = (level: Finding["level"]): number => findings.filter((one) => one.level === level).length;
  return { version: VERSION, problems: count("problem"), warnings: count("warning"), findings };
}

/** An area whose check fails itself is one problem, and the others are still told. */
async function whole(area: Finding["area"], checking: Promise<Finding[]>): Promise<Finding[]> {
  return checking.catch((error: Error) => [
    findingsOf(area).problem(
      "check",
      error.message,
      "This could not be looked at; report it with what stands here.",
    ),
  ]);
}

/** For people: problems and warnings with what to change. */
export function reportText({ version, problems, warnings, findings }: Report): string {
  const lines = findings.map(({ area, check, level, found, change }) => {
    const line = `${level.padEnd(7)}  ${area.padEnd(8)}  ${check}: ${found}`;
    return change === undefined ? line : `${line}\n${" ".repeat(21)}→ ${change}`;
  });
  const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;
  const sum = `Rankwire ${version}: ${count(problems, "problem")}, ${count(warnings, "warning")}.`;
  return [...lines, "", sum].join("\n");
}
