/**
 * The floors of the code, as a table: what each folder may import. Imports go strictly down, rooms never import each
 * other, type-only imports are free. To change the layout, change this table and `server/ARCHITECTURE.md` together.
 */
import { dirname, join } from "node:path/posix";
import { type Problem, problemAt, type Source } from "./sources.ts";
import { type Import, importsOf } from "./syntax.ts";

const rooms = (...names: string[]): string[] => names.map((name) => `server/${name}`);

const PROTOCOL = "client-sdk/protocol";
const BASE = [PROTOCOL, "server/base"];
const STORES = rooms("redis", "database");
const ROOMS = rooms(
  "leaderboard",
  "feed",
  "rank-index",
  "sessions",
  "limits",
  "locks",
  "counters",
  "profiles",
  "archive",
  "audit",
  "bans",
  "webhooks",
);
const FLOWS = rooms(
  "ingest",
  "merger",
  "standings",
  "archiver",
  "seasons",
  "recovery",
  "history",
  "moderation",
  "rewards",
  "top-events",
  "transfer",
);
const TOP = [
  "server/config.ts",
  "server/settings",
  "server/options.ts",
  "server/compose-redis.ts",
  "server/compose-reads.ts",
  "server/compose-gateways.ts",
  "server/compose-players.ts",
  "server/compose-counters.ts",
  "server/compose-archive.ts",
  "server/compose-seasons.ts",
  "server/compose-rewards.ts",
  "server/compose-webhooks.ts",
  "server/compose-transfer.ts",
  "server/compose-history.ts",
  "server/compose-admin.ts",
  "server/compose-moderation.ts",
  "server/cli",
  "server/compose.ts",
  "server/workers",
  "server/main.ts",
];
const EVERYTHING = [...BASE, ...STORES, ...ROOMS, ...FLOWS, "server/gateway", ...TOP, "client-sdk"];

/** Folder (or file of the top floor) → what it may import besides itself and packages. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  [PROTOCOL]: [],
  "server/base": [PROTOCOL],
  ...Object.fromEntries(STORES.map((store) => [store, BASE])),
  ...Object.fromEntries(ROOMS.map((room) => [room, [...BASE, ...STORES]])),
  "server/ingest": [...BASE, ...rooms("leaderboard", "limits", "counters")],
  "server/merger": [...BASE, ...rooms("leaderboard", "feed", "rank-index", "locks", "counters")],
  "server/standings": [...BASE, ...rooms("leaderboard", "feed", "rank-index")],
  "server/archiver": [...BASE, ...rooms("leaderboard", "feed", "rank-index", "locks", "archive")],
  "server/seasons": [...BASE, ...rooms("leaderboard", "feed", "locks", "archive")],
  "server/recovery": [...BASE, ...rooms("leaderboard", "feed", "locks", "archive")],
  "server/history": [...BASE, ...rooms("leaderboard", "feed", "rank-index", "archive")],
  "server/moderation": [...BASE, ...rooms("leaderboard", "locks", "archive", "audit", "bans")],
  "server/rewards": [...BASE, ...rooms("leaderboard", "locks", "archive", "webhooks")],
  "server/top-events": [...BASE, ...rooms("leaderboard", "feed", "locks", "webhooks")],
  "server/transfer": [...BASE, ...rooms("leaderboard", "locks", "archive", "audit")],
  "server/gateway": [...BASE, "server/redis", ...FLOWS.filter((flow) => flow !== "server/merger"), ...ROOMS],
  ...Object.fromEntries(TOP.map((file) => [file, EVERYTHING])),
  "client-sdk": [PROTOCOL],
  web: ["client-sdk", PROTOCOL],
  demo: [...EVERYTHING, "loadtest", "web"],
  loadtest: [...EVERYTHING, "demo"],
  docs: EVERYTHING,
};

type PackageRule = {
  packages: RegExp;
  may: (file: string, place: string) => boolean;
  typesFree: boolean;
  who: string;
};

const PACKAGE_RULES: PackageRule[] = [
  {
    packages: /^ioredis$/,
    may: (_, place) => [...STORES, ...ROOMS, "server/compose.ts"].includes(place),
    typesFree: true,
    who: "server/redis, server/database, the rooms and compose.ts",
  },
  {
    packages: /^(socket\.io|@socket\.io\/.+|fastify|@fastify\/.+)$/,
    may: (_, place) => place === "server/gateway",
    typesFree: false,
    who: "server/gateway",
  },
  {
    packages: /^socket\.io-client$/,
    may: (file) => file === "client-sdk/transport.ts",
    typesFree: false,
    who: "client-sdk/transport.ts",
  },
  {
    packages: /^(pg|pg-.+|kysely|@electric-sql\/.+)$/,
    may: (_, place) =>
      rooms("database", "sessions", "profiles", "archive", "audit", "bans", "webhooks").includes(place),
    typesFree: true,
    who: "server/database and the rooms that keep tables",
  },
  {
    packages: /^zod$/,
    may: (_, place) =>
      [
        "server/config.ts",
        "server/settings",
        "server/gateway",
        "server/leaderboard",
        "server/profiles",
      ].includes(place),
    typesFree: false,
    who: "server/config.ts, server/settings, server/gateway, and server/leaderboard and server/profiles (the edge of stored JSON)",
  },
];

/** The row of the table that a file belongs to; undefined when there is none. */
export function placeOf(file: string): string | undefined {
  const [top = "", second = "", ...below] = file.split("/");
  if (file.startsWith(`${PROTOCOL}/`)) return PROTOCOL;
  const place = top === "server" ? (below.length > 0 ? `server/${second}` : file) : top;
  return place in MAY_IMPORT ? place : undefined;
}

/** The repository file that an import names; undefined for a package. */
export function resolveImport(from: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return join(dirname(from), specifier);
  if (specifier === "rankwire-client") return "client-sdk/index.ts";
  if (specifier.startsWith("rankwire-client/")) return specifier.replace("rankwire-client", "client-sdk");
  return undefined;
}

/** What is wrong with one file's imports. */
export function floorProblems(source: Source): Problem[] {
  const place = placeOf(source.file);
  if (!place) {
    return [problemAt(source, 0, "has no floor. Move it, or give its folder a row in test/style/floors.ts")];
  }
  return importsOf(source).flatMap((one) => {
    const target = resolveImport(source.file, one.specifier);
    const wrong = target ? fileProblem(place, target, one) : packageProblem(source.file, place, one);
    return wrong ? [problemAt(source, one.offset, wrong)] : [];
  });
}

function fileProblem(place: string, target: string, { typeOnly }: Import): string | undefined {
  const targetPlace = placeOf(target);
  if (targetPlace === place) return undefined;
  if (target.startsWith("server/") && /^(client-sdk|web)/.test(place)) {
    return `imports ${target}. The server is not shipped to clients: put what both need into ${PROTOCOL}`;
  }
  if (place === PROTOCOL) return `imports ${target}. The protocol imports nothing but itself`;
  if (typeOnly) return undefined;
  if (targetPlace && MAY_IMPORT[place]?.includes(targetPlace)) return undefined;
  const allowed = MAY_IMPORT[place]?.join(", ") || "nothing";
  return `imports ${target}, but ${place} may import only ${allowed}. Pass it in from server/compose.ts, or move what is shared down a floor`;
}

function packageProblem(file: string, place: string, { specifier, typeOnly }: Import): string | undefined {
  if (place === PROTOCOL) return `imports ${specifier}. The protocol imports nothing but itself`;
  if (place === "loadtest") return undefined;
  const [scope = "", name] = specifier.split("/");
  const packageName = scope.startsWith("@") ? `${scope}/${name}` : scope;
  for (const rule of PACKAGE_RULES) {
    if (!rule.packages.test(packageName) || rule.may(file, place) || (typeOnly && rule.typesFree)) continue;
    return `imports ${packageName}, which is for ${rule.who} only. Put the call there and offer it as a function${rule.typesFree ? ", or import the type only" : ""}`;
  }
  return undefined;
}
