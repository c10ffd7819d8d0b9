/**
 * The forms of REDIS_URL: one server, the unix socket of one, start nodes of a cluster, or Sentinels that know the master.
 *
 * A cluster is several URLs by comma, or one with `?cluster=true`; whoever gives only its start nodes need not know the rest.
 */

/** `username` and `password` are those of the Redis itself. */
export type RedisAddress =
  | { kind: "single"; url: string }
  | { kind: "socket"; path: string }
  | { kind: "cluster"; nodes: Endpoint[]; credentials: Credentials; tls: boolean }
  | {
      kind: "sentinel";
      sentinels: Endpoint[];
      /** The name under which the Sentinels know the master. */
      master: string;
      db: number;
      credentials: Credentials;
      sentinelCredentials: Credentials;
    };

export type Endpoint = { host: string; port: number };
export type Credentials = { username?: string; password?: string };

const REDIS_PORT = 6379;
const SENTINEL_PORT = 26_379;
const SENTINEL = /^redis\+sentinel:\/\/(?:([^@/]*)@)?([^/?]+)\/([^/?]+)(?:\/(\d+))?(?:\?(.*))?$/;

/** @throws Error that names the form which was meant; never repeats a password */
export function parseRedisUrl(text: string): RedisAddress {
  if (text.startsWith("redis+sentinel:")) return sentinelAddress(text);
  if (text.startsWith("unix:")) return socketAddress(text);
  const urls = text.split(",").map((part) => nodeUrl(part.trim()));
  const [first] = urls as [URL];
  if (urls.length === 1 && first.searchParams.get("cluster") !== "true") {
    return { kind: "single", url: text.trim() };
  }
  if (urls.some(({ pathname }) => !["", "/", "/0"].includes(pathname))) {
    throw new Error("A Redis Cluster has only database 0: leave the number out of the URL.");
  }
  if (urls.some(({ protocol }) => protocol !== first.protocol)) {
    throw new Error("Start nodes of a cluster must all be redis:// or all rediss://.");
  }
  const withCredentials = urls.find(({ password }) => password !== "") ?? first;
  return {
    kind: "cluster",
    nodes: urls.map((url) => endpoint(url.host, REDIS_PORT)),
    credentials: credentials(withCredentials.username, withCredentials.password),
    tls: first.protocol === "rediss:",
  };
}

/** One URL of a list; all but the first may leave the scheme out. */
function nodeUrl(part: string): URL {
  const withScheme = part.includes("://") ? part : `redis://${part}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : undefined;
  if (!url || !["redis:", "rediss:"].includes(url.protocol) || url.hostname === "") {
    throw new Error(
      "Write redis://host:port, rediss://…, unix:///path, several of the first by comma, or redis+sentinel://host:port/<master>.",
    );
  }
  return url;
}

function socketAddress(text: string): RedisAddress {
  const path = decodeURIComponent(/^unix:\/\/(\/[^?]+)/.exec(text)?.[1] ?? "");
  if (path === "") throw new Error("Write unix:///absolute/path for the unix socket of a Redis.");
  return { kind: "socket", path };
}

function sentinelAddress(text: string): RedisAddress {
  const match = SENTINEL.exec(text);
  if (!match) {
    throw new Error("Write redis+sentinel://[user:password@]host:26379,host:26379/<master name>[/<db>].");
  }
  const [, login = "", hosts, master, db = "0", query = ""] = match;
  const colon = login.indexOf(":");
  const asked = new URLSearchParams(query);
  return {
    kind: "sentinel",
    sentinels: hosts!.split(",").map((host) => endpoint(host.trim(), SENTINEL_PORT)),
    master: decodeURIComponent(master!),
    db: Number(db),
    credentials: credentials(login.slice(0, Math.max(colon, 0)), login.slice(colon + 1)),
    sentinelCredentials: credentials(asked.get("sentinelUser") ?? "", asked.get("sentinelPassword") ?? ""),
  };
}

function credentials(username: string, password: string): Credentials {
  return {
    ...(username === "" ? {} : { username: decodeURIComponent(username) }),
    ...(password === "" ? {} : { password: decodeURIComponent(password) }),
  };
}

/** `host`, `host:port` or `[v6]:port`. */
function endpoint(text: string, defaultPort: number): Endpoint {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined) throw new Error(`"${text}" is not a host with a port.`);
  return { host, port: match?.[3] === undefined ? defaultPort : Number(match[3]) };
}
