/** What leaves a board as a file and comes to one. */
import { systemClock } from "./base/clock.ts";
import type { Base, GatewayNeeds } from "./compose.ts";
import type { Gateway } from "./gateway/gateway.ts";
import type { Hasher } from "./leaderboard/hashing.ts";
import * as options from "./options.ts";
import { BoardRemoval } from "./seasons/board-removal.ts";
import { BoardExport } from "./transfer/board-export.ts";
import { Imports } from "./transfer/imports.ts";

export type Importing = Pick<Gateway, "imports">;

type TransferNeeds = GatewayNeeds & Pick<Gateway, "bans"> & { hasher: Hasher };

export async function startImports(
  base: Base,
  { bans, hasher, registry }: TransferNeeds,
): Promise<Importing> {
  const { config, around } = base;
  const imports = new Imports({
    // Its own: thousands of lines on their way hold up nobody else's calls.
    redis: await base.commands("imports' redis connection"),
    hasher,
    limits: options.ingestOptions(config).dedup,
    boardNow: (id) => registry.get(id),
    leaseTtlMs: config.LEASE_TTL_MS,
    sizes: options.importSizes(config),
    now: systemClock.now,
    markBanned: (open, member) => bans.markBanned(open, member),
    onError: (error) => around.log.debug({ err: error }, "imports"),
  });
  return { imports };
}

/** On every gateway, so that a deletion that was cut off is gone on with wherever one is. */
export async function startRemoval(base: Base, { redis, registry }: GatewayNeeds): Promise<BoardRemoval> {
  const { config, around, parts, database } = base;
  const removal = new BoardRemoval({
    redis,
    registry,
    database,
    log: around.log,
    leaseTtlMs: config.SEASON_LEASE_MS,
    lookMs: config.SEASON_LOOK_MS,
    hasArchive: () => hasArchive(base),
  });
  await parts.start(
    "removal of boards",
    () => removal.start(),
    () => removal.stop(),
  );
  return removal;
}

/** An embedded one that nobody has opened holds nothing, and takes seconds to open. */
function hasArchive({ config, database }: Base): boolean {
  return config.DATABASE_URL !== undefined || config.ROLES.includes("archiver") || database.isOpen;
}

export function exportsOf(base: Base, needs: GatewayNeeds): Pick<Gateway, "exports"> {
  const { config, database } = base;
  return {
    exports: new BoardExport({
      redis: needs.redis,
      registry: needs.registry,
      database,
      dataDir: config.DATA_DIR,
      spoolBytesMax: config.EXPORT_SPOOL_BYTES_MAX,
      changesMax: config.EXPORT_CHANGES_MAX,
      exportsMax: config.EXPORTS_MAX,
      waitMs: config.EXPORT_WAIT_MS,
      now: systemClock.now,
      hasArchive: () => hasArchive(base),
    }),
  };
}
