/** The API's own description: the OpenAPI document, and a reference to read and try it. No file of it comes from elsewhere. */
import { type FastifyInstance, fastify } from "fastify";
import { AppError } from "../../base/errors.ts";
import { type OpenApiDocument, openApiDocument } from "../openapi.ts";
import { describe } from "../operation.ts";
import type { Route } from "../route-list.ts";

const DOCUMENT = describe({
  summary: "this API as an OpenAPI 3.1 document",
  details: "to read and try it: `/docs`",
  who: "anyone",
  answers: { 200: { mediaType: "application/json", what: "The document." } },
});

/**
 * Both are made when they are first asked for: a start need not wait for them.
 * @param routes the list that all routes are in by the time somebody asks
 */
export function referenceRoutes(app: FastifyInstance, routes: readonly Route[]): void {
  let made: { document: OpenApiDocument; text: string } | undefined;
  const make = () => {
    const document = openApiDocument(routes);
    return { document, text: JSON.stringify(document) };
  };
  app.get("/v1/openapi.json", DOCUMENT, async (_request, reply) => {
    made ??= make();
    void reply.type("application/json; charset=utf-8");
    return made.text;
  });

  let pages: Promise<FastifyInstance> | undefined;
  const documentOf = (): OpenApiDocument => {
    made ??= make();
    return made.document;
  };
  for (const path of ["/docs", "/docs/*"]) {
    app.get(path, { exposeHeadRoute: false }, async (request, reply) => {
      // It would be written anew for whoever asks, and nobody counts how often.
      if ((request.params as { "*"?: string })["*"] === "yaml") {
        throw new AppError("not_found", { message: "The document is JSON: /v1/openapi.json." });
      }
      pages ??= referencePages(documentOf);
      const { routing } = await pages;
      reply.hijack();
      routing(request.raw, reply.raw);
    });
  }
}

/** An instance of its own that listens nowhere: routes cannot be added to one that does. */
async function referencePages(documentOf: () => OpenApiDocument): Promise<FastifyInstance> {
  const [{ default: swagger }, { default: swaggerUi }] = await Promise.all([
    import("@fastify/swagger"),
    import("@fastify/swagger-ui"),
  ]);
  const pages = fastify();
  pages.setNotFoundHandler(({ id }, reply) => {
    const missing = new AppError("not_found");
    return reply.status(missing.status).send({ error: { ...missing.body(), request: id } });
  });
  // The plugin wants a document at once, though it asks for the real one whenever it serves it.
  const document = { openapi: "3.1.0", info: { title: "Rankwire", version: "1" }, paths: {} };
  await pages.register(swagger, { mode: "static", specification: { document } });
  await pages.register(swaggerUi, {
    routePrefix: "/docs",
    uiConfig: { docExpansion: "list", persistAuthorization: false },
    theme: { title: "Rankwire API" },
    transformSpecification: documentOf,
    transformSpecificationClone: false,
  });
  await pages.ready();
  return pages;
}
