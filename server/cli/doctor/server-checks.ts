/** The running server of RANKWIRE_URL, if one answers: whether it serves, what it lacks, which version it is, how far its archive is behind. */
import { VERSION } from "../../base/version.ts";
import type { Config, Environment } from "../../config.ts";
import { type Finding, findingsOf } from "./finding.ts";

const { ok, warning, problem } = findingsOf("server");

const TIMEOUT_MS = 5_000;

const DEGRADED: Readonly<Record<string, string>> = {
  store_full: "Redis is at its memory limit: raise maxmemory, or see `rankwire capacity --live`.",
  database: "The database is away: see its line here, or the server's log.",
  store_lost:
    "Redis does not know boards that the database has: `rankwire rebuild`, and docs/operations.md, Restore.",
  store_outdated:
    "Redis came back with older copies of boards, and nothing of them is archived: `rankwire verify` names them, `rankwire rebuild --board <id> --force` brings each back (docs/operations.md, Redis with an older copy).",
  archive: "The archive is behind: see whether the database is slow, and the alerts in docs/operations.md.",
};

/** What does not mend itself. */
const PROBLEMS = new Set(["store_lost", "store_outdated"]);

type Readiness = { status: string; unready: string[]; degraded: string[] };

export async function checkServer(config: Config, env: Environment): Promise<Finding[]> {
  const url = config.RANKWIRE_URL.replace(/\/+$/, "");
  let response: Response;
  try {
    response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    // Nobody is expected at the default address.
    return env.RANKWIRE_URL
      ? [
          warning(
            "reachable",
            `nobody answers at ${url}`,
            "Start Rankwire, or set RANKWIRE_URL to where it listens.",
          ),
        ]
      : [ok("reachable", `none runs at ${url}, so none was asked`)];
  }
  const readiness = (await response.json().catch(() => undefined)) as Partial<Readiness> | undefined;
  if (!Array.isArray(readiness?.unready) || !Array.isArray(readiness.degraded)) {
    return [problem("reachable", `${url} is not Rankwire`, "Set RANKWIRE_URL to where Rankwire listens.")];
  }
  return [...readinessFindings(readiness as Readiness, url), ...(await metricFindings(url))];
}

/** Pure, for what cannot be had on a test's server. */
export function readinessFindings({ unready, degraded }: Readiness, url: string): Finding[] {
  const ready =
    unready.length === 0
      ? ok("ready", `yes, at ${url}`)
      : problem("ready", `no: ${unready.join(", ")}`, "See the lines on Redis here, and the server's log.");
  const lacking = degraded.map((what) =>
    (PROBLEMS.has(what) ? problem : warning)(
      "degraded",
      what,
      DEGRADED[what] ?? "See the server's log, and docs/operations.md.",
    ),
  );
  return [ready, ...lacking];
}

async function metricFindings(url: string): Promise<Finding[]> {
  const text = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(TIMEOUT_MS) })
    .then((response) => response.text())
    .catch(() => "");
  const [, version] = /^rankwire_build_info\{[^}]*version="([^"]+)"/m.exec(text) ?? [];
  const lag = largest(text, "rankwire_archive_lag_seconds");
  const closing = largest(text, "rankwire_seasons_closing");
  return [
    version === undefined ? undefined : versionFinding(version),
    lag === undefined ? undefined : ok("archive", `${lag.toFixed(1)} s behind`),
    closing === undefined ? undefined : ok("seasons closing", String(closing)),
  ].filter((finding) => finding !== undefined);
}

export function versionFinding(version: string): Finding {
  if (version === VERSION) return ok("version", version);
  const change = "Upgrade the older of both, so that what this one says holds for that one.";
  return warning("version", `it is ${version}, and this is ${VERSION}`, change);
}

/** Of all series of a metric; undefined where there is none. */
function largest(text: string, name: string): number | undefined {
  const values = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))].map(([, value]) =>
    Number(value),
  );
  return values.length === 0 ? undefined : Math.max(...values);
}
