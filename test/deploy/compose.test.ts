import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { settings } from "../../server/config.ts";
import { ROOT, readSource } from "../style/sources.ts";
import { readDockerfile } from "./dockerfile.ts";

/** The part of the Compose specification that the file uses; strict, so that a misspelt key is found. */
const duration = z.string().regex(/^\d+(ms|s|m)$/);
const healthcheckShape = z.strictObject({
  test: z.tuple([z.enum(["CMD", "CMD-SHELL"]), z.string()], z.string()),
  interval: duration,
  timeout: duration,
  retries: z.int().positive(),
});
const serviceShape = z
  .strictObject({
    build: z.string().optional(),
    image: z.string().optional(),
    command: z.string().optional(),
    restart: z.enum(["no", "always", "on-failure", "unless-stopped"]),
    depends_on: z.record(z.string(), z.strictObject({ condition: z.literal("service_healthy") })).optional(),
    environment: z.record(z.string(), z.string()).optional(),
    ports: z.array(z.string().regex(/:\d+$/)).optional(),
    volumes: z.array(z.string().regex(/^[\w-]+:\/[\w/]+$/)).optional(),
    healthcheck: healthcheckShape.optional(),
    stop_grace_period: duration.optional(),
  })
  .refine(({ build, image }) => (build === undefined) !== (image === undefined), "either build or image");
const composeShape = z.strictObject({
  name: z.string().regex(/^[a-z][a-z\d_-]*$/),
  services: z.strictObject({ rankwire: serviceShape, redis: serviceShape, postgres: serviceShape }),
  volumes: z.record(z.string(), z.null()),
});

const { text } = readSource("docker-compose.yml");
const { services, volumes } = composeShape.parse(parse(text));
const { rankwire, redis, postgres } = services;
/** Words of the file that are no settings of Rankwire: PostgreSQL's image reads them. */
const OTHERS = ["POSTGRES_PASSWORD"];

/** Settings that the file sets or asks the operator's environment for. */
function settingsNamed(file: string): string[] {
  const asked = [...file.matchAll(/(?<!\$)\$\{(\w+)/g)].map(([, name = ""]) => name);
  return [...new Set([...Object.keys(rankwire.environment ?? {}), ...asked])]
    .filter((name) => !OTHERS.includes(name))
    .sort();
}

describe("docker-compose.yml", () => {
  it("refuses a file with a misspelt key", () => {
    expect(composeShape.safeParse(parse(text.replace("healthcheck:", "health_check:"))).success).toBe(false);
    expect(composeShape.safeParse(parse(text.replace("service_healthy", "healthy"))).success).toBe(false);
    expect(composeShape.safeParse(parse(text.replace("build: .", "image: x\n    build: ."))).success).toBe(
      false,
    );
  });

  it("runs a Redis of 7.0 or later that keeps what it is given", () => {
    const [name, version = ""] = redis.image?.split(":") ?? [];
    expect(name).toBe("redis");
    expect(Number.parseFloat(version)).toBeGreaterThanOrEqual(7);
    expect(redis.command).toMatch(/^redis-server( --[\w-]+ [\w-]+)+$/);
    expect(redis.command).toContain("--appendonly yes");
    expect(redis.command).toContain("--maxmemory-policy noeviction");
    expect(redis.volumes).toEqual(["redis-data:/data"]);
  });

  it("runs a PostgreSQL of 14 or later that keeps what it is given", () => {
    const [name, version = ""] = postgres.image?.split(":") ?? [];
    expect(name).toBe("postgres");
    expect(Number.parseInt(version, 10)).toBeGreaterThanOrEqual(14);
    expect(postgres.volumes).toEqual(["postgres-data:/var/lib/postgresql/data"]);
  });

  it("opens no port of Redis, which has no password, nor of PostgreSQL", () => {
    expect(redis.ports).toBeUndefined();
    expect(postgres.ports).toBeUndefined();
  });

  it("starts Rankwire when both stores are healthy, and connects it by the services' names", () => {
    const condition = "service_healthy";
    expect(rankwire.depends_on).toEqual({ redis: { condition }, postgres: { condition } });
    expect(redis.healthcheck).toBeDefined();
    expect(postgres.healthcheck).toBeDefined();
    expect(new URL(rankwire.environment?.REDIS_URL ?? "").hostname).toBe("redis");
    expect(rankwire.environment?.DATABASE_URL).toMatch(
      /^postgres:\/\/rankwire:\$\{.+\}@postgres:5432\/rankwire$/,
    );
    expect(rankwire.environment?.NODE_ENV).toBe("production");
  });

  it("publishes the port that the image exposes", () => {
    const { exposed, env } = readDockerfile();
    expect(env.PORT).toBe(exposed);
    expect(rankwire.ports?.map((port) => port.split(":").at(-1))).toEqual([exposed]);
  });

  it("demands the keys instead of inventing them", () => {
    for (const key of ["ADMIN_KEY", "SERVER_KEY"]) {
      expect(rankwire.environment?.[key], key).toMatch(new RegExp(`^\\$\\{${key}:\\?.+\\}$`));
    }
  });

  it("declares exactly the volumes that are mounted, one where the image keeps its data", () => {
    const mounted = Object.values(services)
      .flatMap((service) => service.volumes ?? [])
      .map((mount) => mount.split(":")[0]);
    expect(mounted.sort()).toEqual(Object.keys(volumes).sort());
    expect(rankwire.volumes).toContain(`rankwire-data:${readDockerfile().env.DATA_DIR}`);
  });

  it("names settings that exist, and so does the image", () => {
    const known = Object.keys(settings);
    const named = [...settingsNamed(text), ...Object.keys(readDockerfile().env)];
    const unknown = named.filter((name) => !known.includes(name));
    expect(unknown, "not in server/config.ts; correct the name, or add the setting").toEqual([]);
    expect(settingsNamed(`${text}\n$\{INVENTED}`)).toContain("INVENTED");
  });

  const hasCompose = spawnSync("docker", ["compose", "version"]).status === 0;

  it.runIf(hasCompose)("is accepted by docker compose, and not without the keys", () => {
    const config = (env: Record<string, string>) =>
      spawnSync("docker", ["compose", "config", "--quiet"], {
        cwd: ROOT,
        env: { PATH: process.env.PATH, ...env },
      });
    const accepted = config({ ADMIN_KEY: "a", SERVER_KEY: "s", POSTGRES_PASSWORD: "p" });
    expect(accepted.stderr.toString()).toBe("");
    expect(accepted.status).toBe(0);
    expect(config({ SERVER_KEY: "s", POSTGRES_PASSWORD: "p" }).stderr.toString()).toContain("set ADMIN_KEY");
  });
});
