/** A board's entries as a stream: NDJSON or CSV, as fast as its reader takes it. */
import { Readable } from "node:stream";
import { createGzip } from "node:zlib";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { exportText } from "../../transfer/export-text.ts";
import type { ExportHeader, TransferFormat } from "../../transfer/transfer-line.ts";
import { requireRole } from "../caller.ts";
import { exportQuery } from "../export-schemas.ts";
import type { Gateway } from "../gateway.ts";
import { describe } from "../operation.ts";
import * as schemas from "../schemas.ts";

const MEDIA_TYPES: Record<TransferFormat, string> = {
  ndjson: "application/x-ndjson; charset=utf-8",
  csv: "text/csv; charset=utf-8; header=present",
};

/** What a reader of CSV learns of positions and count, which has no line for it. */
export const EXPORT_HEADERS = [
  "rankwire-season",
  "rankwire-total",
  "rankwire-positions",
  "rankwire-behind",
] as const;

const EXPORT = describe({
  summary: "every entry of a season as a stream of lines, hidden ones flagged",
  details: "[exports](#exports): `?format=ndjson` (default) or `csv`; `accept-encoding: gzip` is heard",
  who: "admin",
  params: schemas.boardParams,
  query: exportQuery,
  headers: [{ name: "Accept-Encoding", what: "`gzip` packs the stream." }],
  answers: {
    200: {
      mediaType: "application/x-ndjson",
      what: "The first line is the header, then one line an entry, and the last one counts them. With `format=csv` it is `text/csv`.",
    },
  },
});

export function exportRoutes(app: FastifyInstance, gateway: Gateway): void {
  // A HEAD route of its own would make a whole export and send nothing of it.
  app.get("/v1/admin/boards/:board/export", { exposeHeadRoute: false, ...EXPORT }, async (request, reply) => {
    await requireRole(gateway, request, "admin");
    const { board } = schemas.parse(schemas.boardParams, request.params);
    const { format, season } = schemas.parse(exportQuery, request.query);
    const open = await gateway.registry.get(board);
    const left = new AbortController();
    reply.raw.on("close", () => left.abort());
    const exported = await gateway.exports.begin(open, season, left.signal).catch((error: unknown) => {
      if (left.signal.aborted) return undefined;
      throw error;
    });
    // Also of one that is never read: its reader has gone meanwhile.
    reply.raw.on("close", () => void exported?.close());
    if (!exported || left.signal.aborted) {
      await exported?.close();
      return reply.hijack();
    }
    writeHead(reply, exported.header, format);
    return reply.send(
      body(request, reply, Readable.from(exportText(exported, format), { objectMode: false })),
    );
  });
}

function writeHead(
  reply: FastifyReply,
  { board, season, total, shards }: ExportHeader,
  format: TransferFormat,
) {
  const behind = shards.reduce((sum, shard) => sum + (shard.behind ?? 0), 0);
  void reply.headers({
    "content-type": MEDIA_TYPES[format],
    "content-disposition": `attachment; filename="${board}-${season}.${format}"`,
    "cache-control": "no-store",
    vary: "accept-encoding",
    "rankwire-season": season,
    "rankwire-total": total,
    "rankwire-positions": shards.map(({ shard, n }) => `${shard}:${n}`).join(" "),
    ...(behind > 0 ? { "rankwire-behind": behind } : {}),
  });
}

/** An error on the way ends the connection without the last chunk, so that nobody takes what came for the whole. */
function body(request: FastifyRequest, reply: FastifyReply, text: Readable): Readable {
  if (!/(^|[\s,])gzip\s*(,|;(?!\s*q=0(\.0*)?\s*(,|$))|$)/.test(request.headers["accept-encoding"] ?? ""))
    return text;
  void reply.header("content-encoding", "gzip");
  const packed = createGzip();
  text.on("error", (error) => packed.destroy(error));
  packed.on("close", () => text.destroy());
  return text.pipe(packed);
}
