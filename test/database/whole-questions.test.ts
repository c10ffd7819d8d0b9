/** PGlite's socket, whose connections share one session: a question that has begun comes to its end before another one's turn. */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sleep } from "../../server/base/clock.ts";
import { wholeQuestions } from "../../server/database/whole-questions.ts";
import { testRunFolder } from "../support/shared-redis.ts";

/** The parts of pg's connection that its types leave out. */
type Wire = {
  parse(query: { name: string; text: string; types: number[] }): void;
  bind(config: { statement: string; values: string[] }): void;
  execute(config: object): void;
  flush(): void;
  sync(): void;
  once(event: string, listener: (message: { fields: (Buffer | string)[] }) => void): void;
  removeAllListeners(event: string): void;
};

let db: PGlite;
let server: PGLiteSocketServer;
const clients: pg.Client[] = [];

beforeAll(async () => {
  const host = mkdtempSync(join(testRunFolder(), "pg-"));
  db = await PGlite.create();
  server = new PGLiteSocketServer({
    db: wholeQuestions(db),
    path: join(host, ".s.PGSQL.5432"),
    maxConnections: 4,
  });
  await server.start();
  for (let i = 0; i < 2; i++) {
    const client = new pg.Client({ host, port: 5432, user: "postgres", database: "postgres" });
    client.on("error", () => undefined);
    await client.connect();
    clients.push(client);
  }
});
afterAll(async () => {
  for (const client of clients) await client.end();
  await server.stop();
  await db.close();
});

test("a transaction of one connection waits while a question of another one is half told", async () => {
  const [one, two] = clients as [pg.Client, pg.Client];
  const wire = (one as unknown as { connection: Wire }).connection;
  // From here on the client does not look at the answers.
  for (const event of ["parseComplete", "bindComplete", "dataRow", "commandComplete", "readyForQuery"])
    wire.removeAllListeners(event);
  const parsed = new Promise((resolve) => wire.once("parseComplete", resolve));
  wire.parse({ name: "", text: "select $1::text", types: [] });
  wire.flush();
  await parsed;
  // Its statement would be lost by any other question now. Nothing tells that one is waiting: time has to.
  const other = two.query("select 7 as seven");
  await Promise.race([other, sleep(300)]);
  const answered = new Promise<string>((resolve, reject) => {
    wire.once("dataRow", ({ fields }) => resolve(String(fields[0])));
    wire.once("errorMessage", reject);
  });
  wire.bind({ statement: "", values: ["mine"] });
  wire.execute({});
  wire.sync();
  expect(await answered).toBe("mine");
  expect((await other).rows).toEqual([{ seven: 7 }]);
});
