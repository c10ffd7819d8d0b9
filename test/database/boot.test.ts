import { describe, expect, it, onTestFinished } from "vitest";
import { freePorts } from "../../server/base/free-ports.ts";
import { POSTGRES_INSTALL_MS, startTestPostgres } from "../support/postgres.ts";
import { SERVER_KEY, startServer } from "../support/servers.ts";
import { sharedRedisUrl } from "../support/shared-redis.ts";

describe("a server's database", () => {
  it(
    "holds up no boards while it is away, and is there when it comes",
    async () => {
      const postgres = await startTestPostgres();
      onTestFinished(() => postgres.stop());
      const DATABASE_URL = await postgres.newDatabase();
      await postgres.kill();
      const server = await startServer(sharedRedisUrl(), { DATABASE_URL });
      onTestFinished(() => server.stop());
      const put = () =>
        server.call("PUT", "/v1/profiles/ann", { key: SERVER_KEY, body: { displayName: "Ann" } });
      const degraded = async () =>
        (await server.call<{ degraded: string[] }>("GET", "/readyz")).body.degraded;
      expect((await server.call("GET", "/v1/boards")).status).toBe(200);
      expect(await degraded()).toEqual(["database"]);
      expect((await put()).status).toBe(503);
      await postgres.start();
      // Nobody asks but the looks themselves.
      await expect.poll(degraded, { timeout: 10_000 }).toEqual([]);
      expect((await put()).status).toBe(200);
    },
    POSTGRES_INSTALL_MS,
  );

  it("must be there where the first admin key is to be made, and is missed in words", async () => {
    const [port = 0] = await freePorts(1);
    const DATABASE_URL = `postgres://127.0.0.1:${port}/none`;
    await expect(startServer(sharedRedisUrl(), { DATABASE_URL, ADMIN_KEY: "" })).rejects.toThrow(
      "The database",
    );
  });

  it(
    "is refused at the start when its address is wrong",
    async () => {
      const postgres = await startTestPostgres();
      onTestFinished(() => postgres.stop());
      const DATABASE_URL = `${await postgres.newDatabase()}_not`;
      await expect(startServer(sharedRedisUrl(), { DATABASE_URL })).rejects.toThrow("does not exist");
    },
    POSTGRES_INSTALL_MS,
  );

  it("is not opened before somebody asks", async () => {
    const server = await startServer(sharedRedisUrl());
    expect(server.running.database.isOpen).toBe(false);
    await server.stop();
  });
});
