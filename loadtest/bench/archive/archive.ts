/** `npm run bench -- archive`: events a second from score logs into the tables, what each costs, and what boards at rest cost. */
import type { Bench } from "../bench.ts";
import { measureCatchUp } from "./catch-up.ts";
import { measureIdleBoards } from "./idle-boards.ts";

export const archiveBench: Bench = {
  name: "archive",
  summary: "score logs into PGlite and PostgreSQL, and 1,000 boards at rest (about 3 minutes)",
  run: async (context) => {
    await measureCatchUp(context);
    await measureIdleBoards(context);
  },
};
