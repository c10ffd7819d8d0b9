/** What admins do beyond boards: the audit trail, moderation and bans. */
import { AuditTrail } from "./audit/audit-trail.ts";
import { BanSet } from "./bans/ban-set.ts";
import { BanStore } from "./bans/ban-store.ts";
import { systemClock } from "./base/clock.ts";
import type { Base, GatewayNeeds } from "./compose.ts";
import type { Gateway } from "./gateway/gateway.ts";
import type { Hasher } from "./leaderboard/hashing.ts";
import { banLease } from "./locks/lease.ts";
import { Bans } from "./moderation/bans.ts";
import { Moderation } from "./moderation/moderation.ts";
import { OwnView } from "./moderation/own-view.ts";
import * as options from "./options.ts";

export type Admin = Pick<Gateway, "trail" | "moderation" | "bans" | "banStore" | "ownView">;

type AdminNeeds = GatewayNeeds & Pick<Gateway, "reader" | "standings" | "control"> & { hasher: Hasher };

export async function startAdmin(base: Base, needs: AdminNeeds): Promise<Admin> {
  const { config, around, parts, database } = base;
  const { redis, registry, hasher, reader, standings, control } = needs;
  const log = around.log;
  // An embedded database is opened by those who need it; one of the settings is there.
  const opensDatabase = config.DATABASE_URL !== undefined || config.ROLES.includes("archiver");
  const trail = new AuditTrail({ redis, database, log, opensDatabase });
  await parts.start(
    "audit trail",
    () => trail.start(),
    () => trail.stop(),
  );
  const common = {
    redis,
    registry,
    hasher,
    limits: options.ingestOptions(config).dedup,
    now: systemClock.now,
    onMoved: (board: string, members: string[]) => {
      standings.hint(board, members);
      control.hintMoved(board, members);
    },
    onError: (error: unknown) => log.debug({ err: error }, "moderation"),
  };
  const banStore = new BanStore(database, config.BANS_MAX);
  return {
    trail,
    moderation: new Moderation({ ...common, database, trail }),
    bans: await startBans(base, needs, { ...common, banStore }),
    banStore,
    ownView: new OwnView({ redis, reader, hasher }),
  };
}

type BansNeeds = { banStore: BanStore } & Omit<
  ConstructorParameters<typeof Bans>[0],
  "store" | "set" | "lease" | "everyMs"
>;

async function startBans(
  { config, around, parts, database }: Base,
  { redis, channels }: GatewayNeeds,
  { banStore, ...common }: BansNeeds,
): Promise<Bans> {
  const onError = (error: unknown): void => around.log.warn({ err: error }, "bans");
  const set: BanSet = new BanSet({
    redis,
    channels,
    pollMs: config.BANS_POLL_MS,
    now: systemClock.now,
    // A Redis that was emptied: the bans are carried out anew, which changes nothing where they are still in force.
    onMissing: async () => {
      if (!database.isOpen) return false;
      for (const row of await banStore.again()) await set.tell(row);
      return true;
    },
    onError,
  });
  const lease = banLease(redis, config.LEASE_TTL_MS);
  const bans = new Bans({ ...common, store: banStore, set, lease, everyMs: config.BANS_POLL_MS, onError });
  await parts.start(
    "bans",
    async () => {
      await set.refresh().catch(onError);
      set.start();
      bans.start();
    },
    async () => {
      await bans.stop();
      await set.stop();
    },
  );
  return bans;
}
