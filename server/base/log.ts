/** The pino logger, made once in `main.ts` and passed down. Secrets never reach it: requests are logged without headers. */
import { type Logger, pino } from "pino";

export type Log = Logger;

export type LogOptions = {
  level: "fatal" | "error" | "warn" | "info" | "debug" | "trace" | "silent";
  /** Lines for people instead of JSON. */
  pretty: boolean;
  /** With where an error was made, for whoever can do something about it; without it each line for people is one line. Default: true. */
  stacks?: boolean;
};

export function createLog({ level, pretty, stacks = true }: LogOptions): Log {
  if (!pretty) return pino({ level });
  return pino({
    level,
    ...(stacks ? {} : { serializers: { err: messageOf } }),
    transport: {
      target: "pino-pretty",
      options: {
        ignore: "pid,hostname",
        translateTime: "HH:MM:ss",
        ...(stacks ? {} : { singleLine: true, errorLikeObjectKeys: [] }),
      },
    },
  });
}

/** With those of its causes. */
function messageOf(error: unknown): unknown {
  return error instanceof Error ? pino.stdSerializers.err(error).message : error;
}

/** `log` at most once per `everyMs` for the same key, with how many were left out: ioredis floods during a failover. */
export function createRateLimitedLog(
  everyMs: number,
): (key: string, write: (skipped: number) => void) => void {
  const seen = new Map<string, { at: number; skipped: number }>();
  return (key, write) => {
    const entry = seen.get(key);
    const now = performance.now();
    if (entry && now - entry.at < everyMs) {
      entry.skipped++;
      return;
    }
    if (seen.size > 1000) seen.clear();
    seen.set(key, { at: now, skipped: 0 });
    write(entry?.skipped ?? 0);
  };
}
