/** A process that serves PGlite in the folder of its argument, until it is killed. */
import { createLog } from "../../server/base/log.ts";
import { Database } from "../../server/database/database.ts";

const log = createLog({ level: "silent", pretty: false });
const database = new Database({
  url: undefined,
  dataDir: process.argv[2] ?? "",
  connectionsMax: 2,
  timeoutMs: 5_000,
  log,
});
await database.run((db) =>
  db.insertInto("profiles").values({ member: "first", version: 1, display_name: "First" }).execute(),
);
process.send?.("ready");
setInterval(() => undefined, 1_000);
