import { describe, expect, it } from "vitest";
import { freePorts } from "../../server/base/free-ports.ts";
import { startServer } from "../support/servers.ts";
import { sharedRedisUrl } from "../support/shared-redis.ts";

describe("a server's database", () => {
  it("is asked for at the start where the settings name one, and missed in words", async () => {
    const [port = 0] = await freePorts(1);
    const starting = startServer(sharedRedisUrl(), { DATABASE_URL: `postgres://127.0.0.1:${port}/none` });
    await expect(starting).rejects.toThrow("The database");
  });

  it("is not opened before somebody asks", async () => {
    const server = await startServer(sharedRedisUrl());
    expect(server.running.database.isOpen).toBe(false);
    await server.stop();
  });
});
