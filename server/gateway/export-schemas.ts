/** zod for exports: what the route takes. */
import { z } from "zod";

export const exportQuery = z.strictObject({
  format: z.enum(["ndjson", "csv"]).default("ndjson"),
  season: z.coerce.number().int().min(1).max(2_147_483_647).optional(),
});
