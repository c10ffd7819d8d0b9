/** The API's own description: the OpenAPI document, and a reference to read and try it. No file of it comes from elsewhere. */
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import { AppError } from "../../base/errors.ts";
import { type OpenApiDocument, openApiDocument } from "../openapi.ts";
import { describe } from "../operation.ts";
import type { Route } from "../route-list.ts";

/** @param routes the list that all routes are in by the time somebody asks */
export async function referenceRoutes(app: FastifyInstance, routes: readonly Route[]): Promise<void> {
  // Made when it is first asked for: a start need not wait for it.
  let made: { document: OpenApiDocument; text: string } | undefined;
  const make = () => {
    const document = openApiDocument(routes);
    return { document, text: JSON.stringify(document) };
  };
  app.get(
    "/v1/openapi.json",
    describe({
      summary: "this API as an OpenAPI 3.1 document",
      details: "to read and try it: `/docs`",
      who: "anyone",
      answers: { 200: { mediaType: "application/json", what: "The document." } },
    }),
    async (_request, reply) => {
      made ??= make();
      void reply.type("application/json; charset=utf-8");
      return made.text;
    },
  );
  // The plugin wants a document at once, though it asks for the real one whenever it serves it.
  const document = { openapi: "3.1.0", info: { title: "Rankwire", version: "1" }, paths: {} };
  await app.register(swagger, { mode: "static", specification: { document } });
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    uiConfig: { docExpansion: "list", persistAuthorization: false },
    theme: { title: "Rankwire API" },
    transformSpecification: () => {
      made ??= make();
      return made.document;
    },
    transformSpecificationClone: false,
    uiHooks: {
      // It would be written anew for whoever asks, and nobody counts how often.
      onRequest: async ({ routeOptions: { url } }) => {
        if (url === "/docs/yaml")
          throw new AppError("not_found", { message: "The document is JSON: /v1/openapi.json." });
      },
    },
  });
}
