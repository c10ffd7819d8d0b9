/** A call of every route that goes well and one that goes wrong, for the test of the API's description. */
import { randomBytes } from "node:crypto";
import { eventually } from "../support/eventually.ts";
import { ADMIN_KEY, SERVER_KEY, type TestServer } from "../support/servers.ts";
import { uniqueBoard } from "../support/shared-redis.ts";
import { rewardStops } from "./reward-stops.ts";

export type Stop = {
  /** The route as the document names it: `GET /v1/boards/{board}`. */
  route: string;
  path: string;
  key?: string;
  body?: unknown;
};

/** Nothing that a caller does makes these fail. */
export const NEVER_FAIL = ["GET /healthz", "GET /readyz", "GET /metrics", "GET /v1/openapi.json"];

/** In this order: later ones take away what earlier ones look at. The server has devices on. */
export async function goodStops(server: TestServer): Promise<Stop[]> {
  const board = uniqueBoard("tour");
  const member = uniqueBoard("alonso");
  await server.createBoard(board, { operator: "set", rules: { maxChange: 5, onViolation: "hold" } });
  const submit = (score: number) =>
    server.call("POST", `/v1/boards/${board}/scores`, {
      key: SERVER_KEY,
      body: { submissions: [{ member, score }] },
    });
  for (const score of [1, 100, 200]) await submit(score);
  const { body: review } = await server.call<{ held: { held: string }[] }>(
    "GET",
    `/v1/admin/boards/${board}/held`,
    { key: ADMIN_KEY },
  );
  const [first, second] = review.held.map(({ held }) => held);
  await eventually(async () => {
    const { body } = await server.call<{ total: number }>("GET", `/v1/boards/${board}/top`);
    return body.total === 1;
  });
  return [
    ...boardStops(board, member),
    ...(await historyStops(server, board, member)),
    {
      route: "POST /v1/admin/boards/{board}/held/{held}/approve",
      path: `/v1/admin/boards/${board}/held/${first}/approve`,
      key: ADMIN_KEY,
    },
    {
      route: "POST /v1/admin/boards/{board}/held/{held}/reject",
      path: `/v1/admin/boards/${board}/held/${second}/reject`,
      key: ADMIN_KEY,
      body: { reason: "no" },
    },
    ...moderationStops(board, member),
    ...(await playerStops(server, member)),
    ...(await keyStops(server)),
    ...(await webhookStops(server)),
    ...profileStops(member),
    ...(await rewardStops(server, board)),
    ...(await removalStops(server)),
    // Nobody here has the role that goes on with it.
    {
      route: "POST /v1/admin/boards/{board}/rollover",
      path: `/v1/admin/boards/${board}/rollover`,
      key: ADMIN_KEY,
      body: { season: 1 },
    },
    ...["/healthz", "/readyz", "/metrics", "/v1/openapi.json"].map((path) => ({
      route: `GET ${path}`,
      path,
    })),
  ];
}

/** The past is what an archiver has seen. */
async function historyStops(server: TestServer, board: string, member: string): Promise<Stop[]> {
  const read = (rest: string, query: string): Stop => ({
    route: `GET /v1/boards/{board}${rest}`,
    path: `/v1/boards/${board}${rest.replace("{member}", member)}${query}`,
  });
  const at = new Date().toISOString();
  const stops = [
    read("/top", `?at=${at}`),
    read("/members/{member}/history", ""),
    read("/members/{member}/history", "?seasons=all"),
    read("/members/{member}/passed", `?since=${at}`),
  ];
  await eventually(async () => {
    for (const { path } of stops) {
      const { status, body } = await server.call("GET", path);
      if (status !== 200) throw new Error(JSON.stringify(body));
    }
  });
  return stops;
}

async function removalStops(server: TestServer): Promise<Stop[]> {
  const board = uniqueBoard("gone");
  await server.createBoard(board, { operator: "set" });
  const path = `/v1/admin/boards/${board}?confirm=${board}`;
  return [{ route: "DELETE /v1/admin/boards/{board}", path, key: ADMIN_KEY }];
}

function boardStops(board: string, member: string): Stop[] {
  const at = `/v1/boards/${board}`;
  const read = (rest: string, query = ""): Stop => ({
    route: `GET /v1/boards/{board}${rest}`,
    path: at + rest.replace("{member}", member) + query,
  });
  const admin = (rest: string): Stop => ({
    route: `GET /v1/admin/boards/{board}${rest}`,
    path: `/v1/admin/boards/${board}${rest}`,
    key: ADMIN_KEY,
  });
  return [
    { route: "GET /v1/boards", path: "/v1/boards" },
    read(""),
    read("/top", "?limit=5"),
    read("/members/{member}"),
    read("/members/{member}/around"),
    read("/rank-of-score", "?score=3"),
    read("/percentiles"),
    read("/seasons"),
    read("/feed"),
    { ...read("/counters"), key: SERVER_KEY },
    { route: "POST /v1/boards/{board}/members", path: `${at}/members`, body: { members: [member] } },
    {
      route: "POST /v1/boards/{board}/scores",
      path: `${at}/scores`,
      key: SERVER_KEY,
      body: {
        submissions: [
          { member, score: 2 },
          { member: "", score: 1 },
        ],
      },
    },
    {
      route: "PUT /v1/admin/boards/{board}",
      path: `/v1/admin/boards/${board}`,
      key: ADMIN_KEY,
      body: { operator: "set", rules: { maxChange: 5, onViolation: "hold" } },
    },
    {
      route: "PATCH /v1/admin/boards/{board}",
      path: `/v1/admin/boards/${board}`,
      key: ADMIN_KEY,
      body: { topSize: 900 },
    },
    {
      route: "POST /v1/admin/boards/{board}/import",
      path: `/v1/admin/boards/${board}/import?importId=tour`,
      key: ADMIN_KEY,
      body: { member, score: 3 },
    },
    {
      route: "GET /v1/admin/boards/{board}/import/{import}",
      path: `/v1/admin/boards/${board}/import/tour`,
      key: ADMIN_KEY,
    },
    admin("/held"),
    admin("/shards"),
    admin("/stats"),
    admin("/export"),
    { route: "GET /v1/admin/boards", path: "/v1/admin/boards?limit=1", key: ADMIN_KEY },
    { route: "GET /v1/admin/sessions", path: `/v1/admin/sessions?member=${member}`, key: ADMIN_KEY },
    { route: "DELETE /v1/admin/sessions", path: "/v1/admin/sessions?member=nobody", key: ADMIN_KEY },
    { route: "GET /v1/admin/counters", path: "/v1/admin/counters", key: ADMIN_KEY },
    { route: "GET /v1/admin/capacity", path: "/v1/admin/capacity", key: ADMIN_KEY },
  ];
}

/** Its last stop but two leaves the member banned for the list; then the ban is lifted. */
function moderationStops(board: string, member: string): Stop[] {
  const key = ADMIN_KEY;
  const one = (what: string, more: object = {}): Stop => ({
    route: `POST /v1/admin/boards/{board}/members/{member}/${what}`,
    path: `/v1/admin/boards/${board}/members/${member}/${what}`,
    key,
    body: { reason: "a tour", ...more },
  });
  const hidden = `/v1/admin/boards/${board}/members/hidden`;
  const ban = { path: `/v1/admin/bans/${member}`, key };
  return [
    one("hide"),
    { route: "GET /v1/admin/boards/{board}/members/hidden", path: hidden, key },
    ...["shadow", "show", "remove", "restore"].map((what) => one(what)),
    one("adjust", { score: 7 }),
    { route: "PUT /v1/admin/bans/{member}", ...ban, body: { mode: "shadow", reason: "a tour" } },
    { route: "GET /v1/admin/bans", path: "/v1/admin/bans", key },
    { route: "DELETE /v1/admin/bans/{member}", ...ban },
    { route: "GET /v1/admin/audit", path: `/v1/admin/audit?board=${board}`, key },
  ];
}

async function playerStops(server: TestServer, member: string): Promise<Stop[]> {
  const [one, two] = [await server.signIn(member), await server.signIn(member)];
  const device = randomBytes(16).toString("base64url");
  const { body } = await server.call<{ sessions: { id: string; current: boolean }[] }>(
    "GET",
    "/v1/sessions",
    { key: one },
  );
  const other = body.sessions.find(({ current }) => !current)!.id;
  const of = `/v1/members/${member}`;
  const byServer = (method: string, rest: string, path: string, given?: unknown): Stop => ({
    route: `${method} /v1/members/{member}${rest}`,
    path: of + path,
    key: SERVER_KEY,
    ...(given === undefined ? {} : { body: given }),
  });
  return [
    { route: "POST /v1/sessions", path: "/v1/sessions", key: SERVER_KEY, body: { member } },
    { route: "GET /v1/sessions", path: "/v1/sessions", key: two },
    { route: "POST /v1/devices/link", path: "/v1/devices/link", key: one, body: { device } },
    byServer("GET", "/sessions", "/sessions"),
    byServer("GET", "/devices", "/devices"),
    byServer("POST", "/notices", "/notices", { kind: "hello" }),
    { route: "DELETE /v1/sessions/{id}", path: `/v1/sessions/${other}`, key: one },
    { route: "DELETE /v1/sessions", path: "/v1/sessions", key: one },
    byServer("DELETE", "/sessions/{id}", `/sessions/${other}`),
    byServer("DELETE", "/devices/{id}", "/devices/0123456789abcdef"),
    byServer("DELETE", "/devices", "/devices"),
    byServer("DELETE", "/sessions", "/sessions"),
  ];
}

async function keyStops(server: TestServer): Promise<Stop[]> {
  const made = { name: "tour", role: "read" };
  const { body } = await server.call<{ id: string }>("POST", "/v1/admin/keys", {
    key: ADMIN_KEY,
    body: made,
  });
  const one = `/v1/admin/keys/${body.id}`;
  return [
    { route: "POST /v1/admin/keys", path: "/v1/admin/keys", key: ADMIN_KEY, body: made },
    { route: "GET /v1/admin/keys", path: "/v1/admin/keys", key: ADMIN_KEY },
    { route: "POST /v1/admin/keys/{id}/rotate", path: `${one}/rotate`, key: ADMIN_KEY },
    { route: "DELETE /v1/admin/keys/{id}", path: one, key: ADMIN_KEY },
  ];
}

async function webhookStops(server: TestServer): Promise<Stop[]> {
  const made = { url: "https://example.com/hook", boards: ["nobody-plays-this"] };
  const all = { path: "/v1/admin/webhooks", key: ADMIN_KEY };
  const { body } = await server.call<{ id: string }>("POST", all.path, { ...all, body: made });
  const path = `${all.path}/${body.id}`;
  const { body: sent } = await server.call<{ delivery: string }>("POST", `${path}/test`, all);
  const one = { path, key: ADMIN_KEY };
  const route = "/v1/admin/webhooks/{id}";
  return [
    { route: "POST /v1/admin/webhooks", ...all, body: made },
    { route: "GET /v1/admin/webhooks", ...all },
    { route: `GET ${route}`, ...one },
    { route: `PATCH ${route}`, ...one, body: { description: "tour" } },
    { route: `POST ${route}/rotate`, ...one, path: `${path}/rotate` },
    { route: `POST ${route}/test`, ...one, path: `${path}/test` },
    { route: `GET ${route}/deliveries`, ...one, path: `${path}/deliveries?limit=1` },
    {
      route: "POST /v1/admin/deliveries/{id}/replay",
      path: `/v1/admin/deliveries/${sent.delivery}/replay`,
      key: ADMIN_KEY,
    },
    { route: `DELETE ${route}`, ...one },
  ];
}

function profileStops(member: string): Stop[] {
  const one = { path: `/v1/profiles/${member}`, key: SERVER_KEY };
  const body = { displayName: "Fernando", country: "ES", extra: { car: 14 } };
  return [
    { route: "PUT /v1/profiles/{member}", ...one, body },
    { route: "PATCH /v1/profiles/{member}", ...one, body: { country: null } },
    { route: "GET /v1/profiles/{member}", ...one },
    { route: "POST /v1/profiles", path: "/v1/profiles", body: { members: [member, "nobody"] } },
    { route: "POST /v1/profiles", path: "/v1/profiles", key: SERVER_KEY, body: { profiles: [{ member }] } },
    { route: "DELETE /v1/profiles/{member}", ...one },
  ];
}
