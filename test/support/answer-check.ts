/** Holds every answer of a test's calls against the OpenAPI document: whatever a route answers is what it says that it answers. */
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { type Answer, type OperationObject, openApiDocument } from "../../server/gateway/openapi.ts";
import { registeredRoutes } from "../../server/gateway/registered-routes.ts";

export type Called = {
  method: string;
  /** With its query, if it has one. */
  path: string;
  status: number;
  contentType: string | null;
  body: unknown;
};

/** A schema's check, or the media type of what is not JSON; the empty one where there is no body. */
type Check = ValidateFunction | string;
type Known = {
  name: string;
  method: string;
  pattern: RegExp;
  responses: OperationObject["responses"];
  /** By status; made when an answer needs it. */
  checks: Map<string, Check>;
};

const ajv = new Ajv2020({ strict: false });
formats.default(ajv);

/** Once a process. */
let loading: Promise<{ operations: Known[]; error: ValidateFunction }> | undefined;

/**
 * @returns the operation that was called, `GET /v1/boards/{board}`; undefined for what is none
 * @throws Error that names the fields that differ
 */
export async function checkAnswer(called: Called): Promise<string | undefined> {
  loading ??= load();
  const { operations, error } = await loading;
  const path = called.path.split("?")[0]!;
  const operation = operations.find(({ method, pattern }) => method === called.method && pattern.test(path));
  if (!operation) return undefined;
  const own = checkOf(operation, String(called.status));
  // What fails has the one shape of errors, but for health, whose 503 is an answer too.
  const lawful = [own, called.status < 400 ? undefined : error].filter((check) => check !== undefined);
  const problems = lawful.map((check) => problemOf(called, check));
  if (problems.includes(undefined)) return operation.name;
  const what = problems.length === 0 ? "this status is not described" : problems.join(" or ");
  throw new Error(`${operation.name} answered ${called.status} other than it says: ${what}`);
}

async function load() {
  const document = openApiDocument(await registeredRoutes());
  const operations = Object.entries(document.paths).flatMap(([template, methods]) =>
    Object.entries(methods).map(([method, { responses }]): Known => {
      const name = `${method.toUpperCase()} ${template}`;
      const pattern = new RegExp(`^${template.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`);
      return { name, method: method.toUpperCase(), pattern, responses, checks: new Map() };
    }),
  );
  // What is spelt out comes before what is a parameter.
  const parameters = ({ name }: Known): number => name.split("{").length;
  operations.sort((a, b) => parameters(a) - parameters(b));
  return { operations, error: ajv.compile(document.components.schemas.Error) };
}

function checkOf({ responses, checks }: Known, status: string): Check | undefined {
  const answer = responses[status];
  if (answer === undefined || "$ref" in answer) return undefined;
  const check = checks.get(status) ?? compiled(answer);
  checks.set(status, check);
  return check;
}

function compiled({ content = {} }: Answer): Check {
  const [mediaType, media] = Object.entries(content)[0] ?? [];
  if (mediaType === undefined) return "";
  return media?.schema && media.schema.type !== "string" ? ajv.compile(media.schema) : mediaType;
}

/** Undefined when the answer is as it should be. */
function problemOf({ contentType, body }: Called, check: Check): string | undefined {
  if (check === "") return body === "" ? undefined : "a body where there is none";
  if (typeof check === "string") {
    return contentType?.startsWith(check) ? undefined : `${contentType} instead of ${check}`;
  }
  if (check(body)) return undefined;
  const problems = (check.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath || "(body)"} ${message} ${JSON.stringify(params)}`,
  );
  return problems.slice(0, 5).join("; ");
}
