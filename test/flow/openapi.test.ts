/** The API's own description: valid, whole, and true of what routes answer. */
import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OpenApiDocument, openApiDocument } from "../../server/gateway/openapi.ts";
import { registeredRoutes } from "../../server/gateway/registered-routes.ts";
import { checkAnswer } from "../support/answer-check.ts";
import { eventually } from "../support/eventually.ts";
import { startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl } from "../support/shared-redis.ts";
import { goodStops, NEVER_FAIL, type Stop } from "./api-tour.ts";

/** PGlite takes its time on a busy machine. */
const DATABASE_OPENS_MS = 120_000;

let server: TestServer;
let document: OpenApiDocument;

beforeAll(async () => {
  server = await startServer(sharedRedisUrl(), {
    DEVICE_SIGN_IN: "on",
    CONTROL_PLANE: "on",
    // An export comes from what it has archived.
    ROLES: "gateway,merger,archiver",
    EXPORT_WAIT_MS: "30000",
  });
  await server.running.database.ready();
  document = (await server.call<OpenApiDocument>("GET", "/v1/openapi.json")).body;
}, DATABASE_OPENS_MS);
afterAll(() => server.stop());

function operations(): string[] {
  return Object.entries(document.paths)
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`))
    .sort();
}

/** A stream is looked at by its head. */
async function visit({
  route,
  path,
  key,
  body,
}: Stop): Promise<{ name: string | undefined; status: number }> {
  const method = route.split(" ")[0]!;
  if (!path.endsWith("/feed") || key !== undefined) {
    const answer = await server.call(method, path, {
      ...(key === undefined ? {} : { key }),
      ...(body === undefined ? {} : { body }),
    });
    const contentType = answer.headers.get("content-type");
    return {
      name: await checkAnswer({ method, path, status: answer.status, contentType, body: answer.body }),
      status: answer.status,
    };
  }
  const aborting = new AbortController();
  const { status, headers } = await fetch(server.url + path, { signal: aborting.signal });
  aborting.abort();
  const contentType = headers.get("content-type");
  return { name: await checkAnswer({ method, path, status, contentType, body: undefined }), status };
}

describe("the OpenAPI document", () => {
  test("is valid OpenAPI 3.1", async () => {
    const { valid, errors } = await new Validator().validate(
      structuredClone(document) as unknown as Parameters<Validator["validate"]>[0],
    );
    expect(errors ?? []).toEqual([]);
    expect(valid).toBe(true);
    expect(document.openapi).toBe("3.1.0");
  });

  test("holds every route that is registered but the files of the reference, and no other", async () => {
    const routes = (await registeredRoutes()).map(({ method, path }) => `${method} ${path}`);
    const api = routes.filter((route) => !/^GET \/docs(\/|$)/.test(route));
    expect(operations()).toEqual(api.map((route) => route.replaceAll(/:(\w+)/g, "{$1}")).sort());
  });

  test("is the same that docs/api.md and the check of answers are made from", async () => {
    expect(document).toEqual(JSON.parse(JSON.stringify(openApiDocument(await registeredRoutes()))));
  });

  test("names each operation once, with who may call it and what it answers when it fails", () => {
    const all = Object.values(document.paths).flatMap((methods) => Object.values(methods));
    expect(new Set(all.map(({ operationId }) => operationId)).size).toBe(all.length);
    for (const { operationId, security, responses } of all) {
      expect(security.length, operationId).toBeGreaterThan(0);
      expect(responses.default, operationId).toEqual({ $ref: "#/components/responses/Error" });
    }
  });
});

describe("every route", () => {
  test("answers as it says when all goes well", { timeout: 60_000 }, async () => {
    const stops = await goodStops(server);
    const visited: string[] = [];
    for (const stop of stops) {
      // A probe of Redis that is late on a busy machine makes a server unready for the moment.
      if (stop.path === "/readyz") await eventually(async () => expect((await visit(stop)).status).toBe(200));
      const { name, status } = await visit(stop);
      expect(name, stop.path).toBe(stop.route);
      expect(status, stop.route).toBeLessThan(300);
      visited.push(stop.route);
    }
    expect(operations().filter((operation) => !visited.includes(operation))).toEqual([]);
  });

  test("answers errors of the one shape to a credential that is none", async () => {
    for (const route of operations().filter((operation) => !NEVER_FAIL.includes(operation))) {
      const path = route.split(" ")[1]!.replaceAll(/\{\w+\}/g, "0123456789abcdef");
      const { name, status } = await visit({ route, path, key: "no-such-key-0123456789", body: undefined });
      expect(name).toBe(route);
      expect(status, route).toBeGreaterThanOrEqual(400);
    }
  });
});

describe("the check of answers", () => {
  const health = { method: "GET", path: "/healthz", status: 200, contentType: "application/json" };

  test("finds a field more, a field less, another status and another media type", async () => {
    expect(await checkAnswer({ ...health, body: { status: "ok" } })).toBe("GET /healthz");
    await expect(checkAnswer({ ...health, body: { status: "ok", more: 1 } })).rejects.toThrow('"more"');
    await expect(checkAnswer({ ...health, body: {} })).rejects.toThrow("required property 'status'");
    await expect(checkAnswer({ ...health, status: 202, body: {} })).rejects.toThrow("not described");
    const metrics = { ...health, path: "/metrics", body: {} };
    await expect(checkAnswer(metrics)).rejects.toThrow("instead of text/plain");
    const failed = { ...health, status: 500, body: { error: { code: "internal" } } };
    await expect(checkAnswer(failed)).rejects.toThrow("/error must have required property");
  });
});
