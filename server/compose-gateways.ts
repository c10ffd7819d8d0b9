/** What gateways have in common beyond boards: players' sessions, limits, the control plane, and who waits for replicas. */
import type { Base, GatewayNeeds } from "./compose.ts";
import { ControlPlane } from "./gateway/control-plane.ts";
import { TopProfiles } from "./gateway/followed-view-profiles.ts";
import type { Gateway } from "./gateway/gateway.ts";
import { ProfileChanges } from "./gateway/profile-changes.ts";
import { SessionChecks } from "./gateway/session-checks.ts";
import type { Ingest } from "./ingest/ingest.ts";
import { Replication } from "./ingest/replication.ts";
import type { Registry } from "./leaderboard/registry.ts";
import { clientAddress } from "./limits/client-address.ts";
import { Limits } from "./limits/limits.ts";
import { createLimitsMetrics } from "./limits/limits-metrics.ts";
import * as options from "./options.ts";
import type { Profiles } from "./profiles/profiles.ts";
import { Sessions } from "./sessions/sessions.ts";
import { loadSigningSecret, Signatures } from "./sessions/signatures.ts";

export async function startPlayers(
  base: Base,
  needs: GatewayNeeds,
): Promise<Pick<Gateway, "sessions" | "checks" | "control" | "rates" | "addressOf" | "signatures">> {
  const { config, around } = base;
  const sessions = new Sessions(needs.redis, options.sessionLimits(config));
  const checks = new SessionChecks({ sessions, everyMs: config.SESSION_CHECK_MS, log: around.log });
  return {
    sessions,
    checks,
    signatures: new Signatures(loadSigningSecret(config.DATA_DIR, config.SIGNING_SECRET)),
    control: await startControlPlane(base, needs, checks),
    rates: await startLimits(base),
    addressOf: ({ socket, headers }) => {
      const forwarded = headers["x-forwarded-for"];
      return clientAddress(socket.remoteAddress, forwarded?.toString(), config.TRUST_PROXY);
    },
  };
}

/** On a connection of their own, so that no load of reads or submissions holds a check up. */
async function startLimits({ config, around, metrics, commands }: Base): Promise<Limits> {
  return new Limits({
    redis: await commands("limits' redis connection"),
    sizes: options.limitSizes(config),
    whenAway: config.LIMITS_WHEN_AWAY,
    metrics: createLimitsMetrics(metrics),
    log: around.log,
  });
}

async function startControlPlane(
  { config, around, parts }: Base,
  { redis, channels }: GatewayNeeds,
  checks: SessionChecks,
): Promise<ControlPlane> {
  const { log } = around;
  if (!config.CONTROL_PLANE) return new ControlPlane({ checks, log });
  return parts.start(
    "control plane",
    () => new ControlPlane({ bus: { commands: redis, channels }, checks, log }),
    (control) => control.stop(),
  );
}

export async function startReplication(
  { config, around, commands }: Base,
  ingest: Ingest,
): Promise<Replication> {
  const waitMs = config.REPLICA_ACK_MS;
  const redis = await commands("replication's redis connection", waitMs);
  return new Replication({ redis, ingest, waitMs, log: around.log });
}

/** What brings profiles, and their changes, to those who follow boards. */
export function watchProfiles(
  profiles: Profiles,
  registry: Registry,
): Pick<Gateway, "profiles" | "profileChanges" | "topProfiles"> {
  const profileChanges = new ProfileChanges(profiles);
  const topProfiles = new TopProfiles({ profiles, changes: profileChanges, registry });
  return { profiles, profileChanges, topProfiles };
}
