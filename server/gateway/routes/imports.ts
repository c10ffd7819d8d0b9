/** Entries from a file into a board. The body is read while it is written, so it may be of any length. */
import type { FastifyInstance } from "fastify";
import type { ImportLine } from "../../transfer/import-entry.ts";
import { importAnswer, importStatus } from "../answers/import-answers.ts";
import { noteForAudit } from "../audit-hook.ts";
import { requireRole } from "../caller.ts";
import type { Gateway } from "../gateway.ts";
import { importLine, importParams, importQuery } from "../import-schemas.ts";
import { describe } from "../operation.ts";
import * as schemas from "../schemas.ts";

export function importRoutes(app: FastifyInstance, gateway: Gateway): void {
  // In a scope of its own: no other route takes a body that nobody has read.
  void app.register((scope, _, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _body, parsed) => parsed(null));
    importRoute(scope, gateway);
    done();
  });

  app.get(
    "/v1/admin/boards/:board/import/:import",
    describe({
      summary: "how far an import with an `importId` has come",
      details: "one that broke off goes on from the line after `lastLine`",
      who: "admin",
      params: importParams,
      answers: { 200: importStatus },
    }),
    async (request) => {
      await requireRole(gateway, request, "admin");
      const { board, import: importId } = schemas.parse(importParams, request.params);
      await gateway.registry.get(board);
      const {
        incarnation: _,
        startedAtMs,
        updatedAtMs,
        ...progress
      } = await gateway.imports.progress(board, importId);
      const [startedAt, updatedAt] = [startedAtMs, updatedAtMs].map((ms) => new Date(ms).toISOString());
      return { board, ...progress, startedAt, updatedAt };
    },
  );
}

function importRoute(app: FastifyInstance, gateway: Gateway): void {
  app.post(
    "/v1/admin/boards/:board/import",
    describe({
      summary: "brings entries into the open season, as they are, whatever the operator: [imports](#imports)",
      who: "admin",
      params: schemas.boardParams,
      query: importQuery,
      answers: { 200: importAnswer },
    }),
    async (request) => {
      await requireRole(gateway, request, "admin");
      const { board } = schemas.parse(schemas.boardParams, request.params);
      const { map, delimiter, decimalComma, ...ask } = schemas.parse(importQuery, request.query);
      const open = await gateway.registry.get(board);
      const csv = { delimiter, decimalComma, ...(map ? { map } : {}) };
      const check = (value: unknown): ImportLine => schemas.parse(importLine, value);
      noteForAudit(request, { season: open.season.number, details: ask });
      // Not destroyed when it is not read to its end: its sender is to get the answer that says why.
      const body = request.raw.iterator({ destroyOnReturn: false });
      const report = await gateway.imports.run(open, body, {
        ...ask,
        importId: ask.importId,
        csv,
        check,
      });
      const { mode, lines, written, unchanged, skipped, failed, errors, resumedAfter } = report;
      const counts = { lines, written, unchanged, skipped, failed };
      noteForAudit(request, { details: { ...counts, resumedAfter } });
      return {
        board,
        season: report.season,
        ...(ask.importId === undefined ? {} : { importId: ask.importId }),
        mode,
        dryRun: ask.dryRun,
        resumedAfter,
        ...counts,
        errors,
      };
    },
  );
}
