/** What the profiles' cache does, counted. */
import { Counter, type Registry } from "prom-client";

export type ProfileMetrics = {
  /** Profiles asked for: where they were found. `stale`: the database was away. */
  reads: Counter<"from">;
  /** What became of copies that were to be stored. */
  fills: Counter<"outcome">;
  /** Queries to the database for profiles. */
  queries: Counter;
  /** Reads that waited for another process's fill. */
  waits: Counter;
  /** Times that the cache did not answer. */
  trouble: Counter;
};

export function createProfileMetrics(registry: Registry): ProfileMetrics {
  const registers = [registry];
  const counter = (name: string, help: string): Counter =>
    new Counter({ name: `rankwire_profile_${name}`, help, registers });
  return {
    reads: new Counter({
      name: "rankwire_profile_reads_total",
      help: "Profiles asked for, by where they were found: local, cache, database, stale, nowhere",
      labelNames: ["from"],
      registers,
    }),
    fills: new Counter({
      name: "rankwire_profile_fills_total",
      help: "Copies brought to the cache: stored, or refused because something was written meanwhile",
      labelNames: ["outcome"],
      registers,
    }),
    queries: counter("queries_total", "Queries to the database for profiles"),
    waits: counter("waits_total", "Profiles that waited for another process to fill the cache"),
    trouble: counter("cache_trouble_total", "Times that the cache of profiles did not answer"),
  };
}
