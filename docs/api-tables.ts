/** The calls of docs/api.md, a table for each tag, made from what the routes say of themselves. */
import { type JsonSchema, openApiDocument, templateOf } from "../server/gateway/openapi.ts";
import type { Operation } from "../server/gateway/operation.ts";
import { registeredRoutes } from "../server/gateway/registered-routes.ts";
import { TAGS, tagOf } from "../server/gateway/route-list.ts";

/** More fields than these are not told one by one. */
const FIELDS_MAX = 9;

const WHO: Record<Operation["who"], string> = {
  anyone: "anyone",
  reader: "anyone¹",
  player: "player",
  server: "server",
  admin: "admin",
};

const routes = (await registeredRoutes()).filter(({ operation }) => operation !== undefined);
const document = openApiDocument(routes);

type Media = { content?: Record<string, { schema?: JsonSchema }> };
type Parameter = { name: string; in: string; schema: JsonSchema };

/** @param tableOf makes Markdown of a head and rows */
export function apiTables(tableOf: (head: string[], rows: string[][]) => string): string {
  const sections = TAGS.map((tag) => {
    const rows = routes.filter(({ path }) => tagOf(path) === tag).map(rowOf);
    const title = tag[0]!.toUpperCase() + tag.slice(1);
    return `### ${title}\n\n${tableOf(["Call", "Who", "What", "Answer"], rows)}`;
  });
  return sections.join("\n\n");
}

function rowOf({ method, path, operation }: (typeof routes)[number]): string[] {
  const { summary, details, who } = operation!;
  const { parameters, requestBody, responses } = document.paths[templateOf(path)]![method.toLowerCase()]!;
  const query = (parameters as Parameter[]).filter((one) => one.in === "query").map(queryOf);
  const body = requestBody ? ` \`${shapeOf(schemaOf(requestBody), 1)}\`` : "";
  const call = `\`${method} ${path}${query.length > 0 ? `?${query.join("&")}` : ""}\`${body}`;
  const [status = "200"] = Object.keys(responses);
  const [mediaType = ""] = Object.keys((responses[status] as Media).content ?? {});
  const answered = schemaOf(responses[status] as Media);
  const shape = answered.type === "string" ? mediaType : `\`${shapeOf(answered, 2)}\``;
  const what = details === undefined ? summary : `${summary}; ${details}`;
  return [call, WHO[who], what, status === "200" ? shape : `${status} ${shape}`];
}

function schemaOf({ content = {} }: Media): JsonSchema {
  return Object.values(content)[0]?.schema ?? {};
}

/** `limit=20`, `precision=exact|fast`: the default first, where there is one. */
function queryOf({ name, schema }: Parameter): string {
  const first = schema.default === undefined ? [] : [String(schema.default)];
  const others = (schema.enum ?? []).map(String).filter((one) => !first.includes(one));
  return [name, [...first, ...others].join("|")].filter((part) => part !== "").join("=");
}

/** `{a, b?, list: [{c}]}`: the fields of objects, and of lists of them down to a depth. */
function shapeOf(schema: JsonSchema, depth: number): string {
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives) {
    const shapes = alternatives
      .map((one) => shapeOf(one as JsonSchema, depth))
      .filter((one) => one.length > "{}".length);
    return [...new Set(shapes)].join(" or ");
  }
  const { properties = {}, required = [] } = schema;
  const fields = Object.entries(properties).map(([name, field]) => {
    const mark = required.includes(name) ? "" : "?";
    return `${name}${mark}${insideOf(field as JsonSchema, depth)}`;
  });
  const told = fields.length > FIELDS_MAX ? [...fields.slice(0, FIELDS_MAX - 1), "…"] : fields;
  return `{${told.join(", ")}}`;
}

function insideOf({ type, items }: JsonSchema, depth: number): string {
  if (depth <= 1 || type !== "array" || typeof items !== "object" || Array.isArray(items)) return "";
  const shape = shapeOf(items as JsonSchema, depth - 1);
  return shape === "{}" || shape === "" ? "" : `: [${shape}]`;
}
