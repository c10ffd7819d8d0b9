/**
 * The OpenAPI 3.1 document, made from what the routes say of themselves: zod's own JSON Schema (draft 2020-12) of what they take, as it
 * goes in, and of what they answer, as it comes out.
 */
import { STATUS_CODES } from "node:http";
import { z } from "zod";
import { errorAnswer } from "./answers/entry-answers.ts";
import type { Operation } from "./operation.ts";
import { type Route, TAGS, tagOf } from "./route-list.ts";

export type JsonSchema = z.core.JSONSchema.BaseSchema;
export type Answer = { description: string; content?: Record<string, { schema?: JsonSchema }> };
export type OperationObject = {
  operationId: string;
  tags: string[];
  summary: string;
  description: string;
  security: object[];
  parameters: object[];
  requestBody?: object;
  responses: Record<string, Answer | { $ref: string }>;
};
export type OpenApiDocument = {
  openapi: "3.1.0";
  paths: Record<string, Record<string, OperationObject>>;
  components: { schemas: { Error: JsonSchema } };
};

const WHO: Record<Operation["who"], string> = {
  anyone: "Anyone may call.",
  reader: "Anyone may call on public boards; on private ones a key for the board or a session token.",
  player: "Needs a player's session token.",
  server: "Needs a server key.",
  admin: "Needs an admin key.",
};

const TAG_DOCS: Record<(typeof TAGS)[number], string> = {
  boards: "Reads of boards: anybody on public ones.",
  scores: "Submissions, and what came of them.",
  players: "Sign-in, sessions, devices, notices, rewards.",
  profiles: "Who a member is to people, whatever the board.",
  admin: "What the people who run a game need.",
  operators: "Health, metrics, and this document.",
};

const QUOTA = {
  "RateLimit-Limit": "Requests that the caller has in a window.",
  "RateLimit-Remaining": "Requests that are left of it.",
  "RateLimit-Reset": "Seconds until the window ends.",
};

/** Of every route that describes itself. */
export function openApiDocument(routes: readonly Route[]): OpenApiDocument {
  const paths: OpenApiDocument["paths"] = {};
  for (const { method, path, operation } of routes) {
    if (!operation) continue;
    const template = templateOf(path);
    paths[template] = {
      ...paths[template],
      [method.toLowerCase()]: operationObject(method, path, operation),
    };
  }
  const document = {
    openapi: "3.1.0" as const,
    info: {
      title: "Rankwire",
      version: "1",
      description: "Real-time leaderboards over HTTP. Live ranks and feeds go over sockets.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    tags: TAGS.map((name) => ({ name, description: TAG_DOCS[name] })),
    paths,
    components: {
      securitySchemes: {
        key: { type: "http", scheme: "bearer", description: "An API key: read, server or admin." },
        session: { type: "http", scheme: "bearer", description: "A player's session token." },
      },
      schemas: { Error: schemaOf(errorAnswer, "output") },
      headers: Object.fromEntries(
        Object.entries(QUOTA).map(([name, description]) => [
          name,
          { description, schema: { type: "integer" } },
        ]),
      ),
      responses: {
        Error: {
          description: "What went wrong; `code` is one of docs/errors.md. 429 and 503 may say `Retry-After`.",
          content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
        },
      },
    },
  };
  return document;
}

/** `/v1/boards/{board}` for `/v1/boards/:board`. */
export function templateOf(path: string): string {
  return path.replaceAll(/:(\w+)/g, "{$1}");
}

function operationObject(method: string, path: string, operation: Operation): OperationObject {
  const { summary, details, who, body, answers } = operation;
  const limited = path.startsWith("/v1/");
  return {
    operationId: operationId(method, path),
    tags: [tagOf(path)],
    summary: withoutLinks(summary),
    description: [details && withoutLinks(details), WHO[who]]
      .filter((part) => part !== undefined)
      .join("\n\n"),
    security: securityOf(who),
    parameters: [
      ...parametersOf(path, operation.params),
      ...queryOf(operation.query),
      ...(operation.headers ?? []).map(({ name, what }) => ({
        name,
        in: "header",
        description: what,
        schema: { type: "string" },
      })),
    ],
    ...(body
      ? {
          requestBody: {
            required: !body.safeParse(undefined).success,
            content: { "application/json": { schema: schemaOf(body, "input") } },
          },
        }
      : {}),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, answer]) => [status, responseOf(status, answer, limited)]),
      ),
      default: { $ref: "#/components/responses/Error" },
    },
  };
}

/** Links are written for docs/api.md, which is elsewhere. */
function withoutLinks(markdown: string): string {
  return markdown.replaceAll(/\[([^\]]+)\]\([^)]+\)/g, "$1");
}

function responseOf(status: string, answer: Operation["answers"][number], limited: boolean): Answer {
  const headers = limited
    ? Object.fromEntries(Object.keys(QUOTA).map((name) => [name, { $ref: `#/components/headers/${name}` }]))
    : undefined;
  if ("empty" in answer) return { description: answer.empty };
  const described =
    "mediaType" in answer
      ? { description: answer.what, content: { [answer.mediaType]: { schema: { type: "string" as const } } } }
      : {
          description: STATUS_CODES[status] ?? status,
          content: { "application/json": { schema: schemaOf(answer, "output") } },
        };
  return { ...described, ...(headers ? { headers } : {}) };
}

function securityOf(who: Operation["who"]): Record<string, string[]>[] {
  if (who === "player") return [{ session: [] }];
  if (who === "server" || who === "admin") return [{ key: [] }];
  return [{}, { key: [] }, { session: [] }];
}

function parametersOf(path: string, params: z.ZodType | undefined): object[] {
  const schema = params ? schemaOf(params, "input") : {};
  return [...path.matchAll(/:(\w+)/g)].map(([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    schema: schema.properties?.[name] ?? { type: "string" },
  }));
}

function queryOf(query: z.ZodType | undefined): object[] {
  if (!query) return [];
  const { properties = {}, required = [] } = schemaOf(query, "input");
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: "query",
    required: required.includes(name),
    schema,
  }));
}

/** `getBoardsBoardTop`: stable, and one for each route. */
function operationId(method: string, path: string): string {
  const words = path
    .replace(/^\/v1/, "")
    .split(/[/:.-]+/)
    .filter((word) => word !== "");
  return method.toLowerCase() + words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join("");
}

function schemaOf(schema: z.ZodType, io: "input" | "output"): JsonSchema {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    // A format says it in a word.
    override: ({ jsonSchema }) => {
      if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
    },
  });
  return json as JsonSchema;
}
