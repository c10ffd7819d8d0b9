/** The forms of REDIS_URL, and what is said to whoever writes another one. */
import { describe, expect, test } from "vitest";
import { parseRedisUrl } from "../../server/redis/redis-url.ts";

const node = (host: string, port = 6379) => ({ host, port });
const none = { credentials: {} };

describe("REDIS_URL", () => {
  test("names one server, which ioredis takes as it is", () => {
    for (const url of ["redis://127.0.0.1:6379", "rediss://user:secret@redis.example:6380/3"]) {
      expect(parseRedisUrl(url)).toEqual({ kind: "single", url });
    }
    expect(parseRedisUrl("redis://localhost?cluster=false").kind).toBe("single");
  });

  test("names a unix socket", () => {
    expect(parseRedisUrl("unix:///run/redis.sock")).toEqual({ kind: "socket", path: "/run/redis.sock" });
    expect(parseRedisUrl("unix:///a%20b/redis.sock")).toEqual({ kind: "socket", path: "/a b/redis.sock" });
  });

  test("names a cluster by start nodes, or by one that says so", () => {
    const cluster = { kind: "cluster", tls: false, ...none };
    expect(parseRedisUrl("redis://a:7000,redis://b:7001, c")).toEqual({
      ...cluster,
      nodes: [node("a", 7000), node("b", 7001), node("c")],
    });
    expect(parseRedisUrl("redis://a?cluster=true")).toEqual({ ...cluster, nodes: [node("a")] });
    expect(parseRedisUrl("redis://[::1]:7000,[::1]:7001")).toMatchObject({
      nodes: [node("::1", 7000), node("::1", 7001)],
    });
  });

  test("carries the cluster's user, password and TLS, once for all nodes", () => {
    expect(parseRedisUrl("rediss://user:p%40ss@a:1,rediss://b:2")).toEqual({
      kind: "cluster",
      nodes: [node("a", 1), node("b", 2)],
      credentials: { username: "user", password: "p@ss" },
      tls: true,
    });
    expect(parseRedisUrl("redis://:only@a?cluster=true")).toMatchObject({
      credentials: { password: "only" },
    });
  });

  test("names Sentinels and the master they know", () => {
    expect(parseRedisUrl("redis+sentinel://s1:26379,s2/mymaster")).toEqual({
      kind: "sentinel",
      sentinels: [node("s1", 26379), node("s2", 26379)],
      master: "mymaster",
      db: 0,
      credentials: {},
      sentinelCredentials: {},
    });
    expect(
      parseRedisUrl("redis+sentinel://user:se%2Fcret@s1/m/4?sentinelUser=watch&sentinelPassword=w"),
    ).toMatchObject({
      db: 4,
      credentials: { username: "user", password: "se/cret" },
      sentinelCredentials: { username: "watch", password: "w" },
    });
    expect(parseRedisUrl("redis+sentinel://:secret@s1/m")).toMatchObject({
      credentials: { password: "secret" },
    });
  });

  test("is refused in any other form, without its password in the message", () => {
    const wrong = [
      "http://a:6379",
      "redis://",
      "unix://",
      "unix://relative.sock",
      "redis+sentinel://s1:26379",
      "redis+sentinel://s1:x/m",
      "redis://:hidden@a/1,redis://b",
      "redis://:hidden@a,rediss://b",
      "redis://:hidden@a:99999",
      "nonsense://:hidden@a",
    ];
    for (const url of wrong) {
      let message = "";
      try {
        parseRedisUrl(url);
      } catch (error) {
        message = (error as Error).message;
      }
      expect(message, url).not.toBe("");
      expect(message).not.toContain("hidden");
    }
  });
});
