/** What a bench is given and what it gives back. */

import type { BenchRedis } from "../processes/redis-server.ts";
import type { ServerProcess } from "../processes/server-process.ts";
import type { Figure, Measured, Target } from "./figure.ts";

export type BenchContext = {
  /** A smoke run: few members, short turns, numbers that mean nothing. */
  quick: boolean;
  /** Progress, for people: stderr. */
  say: (line: string) => void;
  /** One figure as one JSON line on stdout. */
  report: (name: string, measured: Measured, target?: Target) => void;
  /** A redis-server of the bench's own; stopped at the latest when the bench ends. */
  startRedis: (args?: readonly string[]) => Promise<BenchRedis>;
  /** A Rankwire server in a process of its own, so that its CPU and memory are its own. */
  startServer: (redis: BenchRedis, settings?: Record<string, string>) => Promise<ServerProcess>;
};

export type Bench = {
  name: string;
  summary: string;
  run: (context: BenchContext) => Promise<void>;
};

export type BenchResult = { bench: string; figures: Figure[] };
