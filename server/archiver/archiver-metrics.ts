/** What the archiver counts, and how far it is behind. */
import { Counter, Gauge, type Registry } from "prom-client";

export type ArchiverMetrics = {
  batches: Counter;
  changes: Counter;
  deadLetters: Counter;
  gaps: Counter;
};

/** How far the board that is furthest behind is, of those that this process archives. */
export type ArchiveLag = { entries: number; ms: number };

/** What is asked whenever metrics are read. */
export type ArchiverReadings = {
  lag: () => ArchiveLag;
  boards: { older: ReadonlySet<string>; missing: readonly string[] };
};

/** Where no process is the archiver of all boards. */
const NOTHING: ArchiverReadings = {
  lag: () => ({ entries: 0, ms: 0 }),
  boards: { older: new Set(), missing: [] },
};

export function createArchiverMetrics(
  registry: Registry,
  { lag, boards }: ArchiverReadings = NOTHING,
): ArchiverMetrics {
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge(
    "rankwire_archive_lag_entries",
    "Log entries (batches) that wait for the database, of the board with the most",
    () => lag().entries,
  );
  gauge(
    "rankwire_archive_lag_seconds",
    "Since when the board that waits longest is not archived",
    () => lag().ms / 1000,
  );
  gauge(
    "rankwire_archive_boards_outdated",
    "Boards that Redis has an older copy of than the database; they are not archived",
    () => boards.older.size,
  );
  gauge(
    "rankwire_archive_boards_missing",
    "Boards that the database has, and Redis does not know",
    () => boards.missing.length,
  );
  return {
    batches: new Counter({
      name: "rankwire_archive_batches_total",
      help: "Log entries (batches) brought to the database",
      registers,
    }),
    changes: new Counter({
      name: "rankwire_archive_changes_total",
      help: "Changes of entries brought to the database",
      registers,
    }),
    deadLetters: new Counter({
      name: "rankwire_archive_dead_letters_total",
      help: "Log entries that could not be read or stored",
      registers,
    }),
    gaps: new Counter({
      name: "rankwire_archive_gaps_total",
      help: "Holes in score logs, after which entries were read from Redis",
      registers,
    }),
  };
}
