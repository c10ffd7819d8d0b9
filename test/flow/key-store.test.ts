/** API keys at their edges: rotated a moment ago, the last of a thousand, and the first of all. On both databases. */
import { expect, test } from "vitest";
import { ApiKeys } from "../../server/sessions/api-keys.ts";
import { KEYS_MAX, KeyStore } from "../../server/sessions/key-store.ts";
import { sha256 } from "../../server/sessions/key-text.ts";
import { describeOnBoth } from "../support/databases.ts";

const DATABASE_OPENS_MS = 120_000;

describeOnBoth("the table of API keys", (store) => {
  const process = (): ApiKeys => {
    const onError = (error: unknown): void => expect.unreachable(String(error));
    const keyStore = new KeyStore(store.open());
    return new ApiKeys({
      adminKey: undefined,
      serverKey: undefined,
      store: keyStore,
      pollMs: 600_000,
      onError,
    });
  };

  test(
    "gives a process without news the secret that was rotated elsewhere",
    async () => {
      const [one, other] = [process(), process()];
      const made = await one.create({ name: "a", role: "server", scopes: [] });
      expect(await other.find(made.key)).toMatchObject({ id: made.id });
      const rotated = await one.rotate(made.id, 0);
      expect(await other.find(rotated.key)).toMatchObject({ id: made.id });
      expect(await other.find(made.key)).toBeUndefined();
      await one.revoke(made.id);
    },
    DATABASE_OPENS_MS,
  );

  test("makes a first admin key where the others are for certain boards only, once", async () => {
    const keys = new KeyStore(store.open());
    await keys.create({ name: "one board", role: "admin", scopes: ["f1"] });
    const made = await Promise.all([keys.createFirst("first"), keys.createFirst("first")]);
    expect(made.filter((key) => key !== undefined)).toHaveLength(1);
  });

  test("holds at most a thousand live keys, however many are made at once, and each of them works", async () => {
    const database = store.open();
    const keys = new KeyStore(database);
    const left = KEYS_MAX - 3 - (await keys.live()).length;
    const rows = Array.from({ length: left }, (_, i) => ({
      id: i.toString(16).padStart(16, "0"),
      name: "n",
      role: "read" as const,
      secret_hash: sha256(`${i}`),
    }));
    await database.run((db) => db.insertInto("api_keys").values(rows).execute());
    const role = "read" as const;
    const tries = Array.from({ length: 8 }, () => keys.create({ name: "x", role, scopes: [] }));
    const made = (await Promise.allSettled(tries)).flatMap((one) =>
      one.status === "fulfilled" ? [one.value] : [],
    );
    expect(made).toHaveLength(3);
    const one = process();
    for (const { key, id } of made) expect(await one.find(key)).toMatchObject({ id });
  });
});
