/** Players signed in by a JWT: what is taken, what is refused and in which words, and what becomes of it when the issuer is in trouble. */
import { SignJWT, UnsecuredJWT } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { AUDIENCE, claimsOf, ISSUER, JwtIssuer } from "../support/jwt-issuer.ts";
import { startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

type Answer = { token: string; member: string; error: { code: string; message: string } };

const SECRET = "a shared secret of more than 32 bytes, for tests only";

let issuer: JwtIssuer;
let server: TestServer;
const others: TestServer[] = [];
beforeAll(async () => {
  issuer = await JwtIssuer.start();
  server = await serverWith({ JWT_JWKS_URL: issuer.url, JWT_JWKS_COOLDOWN_MS: "0" });
  others.splice(0);
});
afterEach(async () => {
  for (const other of others.splice(0)) await other.stop();
});
afterAll(async () => {
  await server.stop();
  await issuer.close();
});

async function serverWith(settings: Record<string, string>): Promise<TestServer> {
  const started = await startServer(sharedRedisUrl(), {
    JWT_ISSUER: ISSUER,
    JWT_AUDIENCE: AUDIENCE,
    ...settings,
  });
  others.push(started);
  return started;
}

const signIn = (jwt: string, at = server) => at.call<Answer>("POST", "/v1/sessions", { body: { jwt } });

const hmac = (secret: string, claims: Record<string, unknown> = {}): Promise<string> =>
  new SignJWT(claimsOf(claims)).setProtectedHeader({ alg: "HS256" }).sign(Buffer.from(secret));

describe("a JWT of the issuer", () => {
  test("signs its member in, by a session like any other that says how it was opened", async () => {
    const sub = uniqueBoard("ada");
    const { status, body, headers } = await signIn(await issuer.token({ sub }));
    expect({ status, member: body.member }).toEqual({ status: 201, member: sub });
    expect(headers.get("cache-control")).toBe("no-store");
    const listed = await server.call<{ sessions: unknown[] }>("GET", "/v1/sessions", { key: body.token });
    expect(listed.body.sessions).toEqual([expect.objectContaining({ how: "jwt", current: true })]);
  });

  test("is refused with what is wrong when a claim is not right", async () => {
    const now = Math.floor(Date.now() / 1_000);
    for (const [claims, problem] of [
      [{ iss: "https://elsewhere.test" }, '"iss"'],
      [{ aud: "another server" }, '"aud"'],
      [{ exp: now - 60 }, "expired"],
      [{ exp: undefined }, '"exp"'],
      [{ nbf: now + 60 }, '"nbf"'],
      [{ sub: undefined }, '"sub"'],
      [{ sub: 7 }, "not text"],
      [{ sub: "" }, "no name of a member"],
      [{ sub: "x".repeat(129) }, "no name of a member"],
      [{ sub: "a\u0000b" }, "no name of a member"],
    ] as const) {
      const { status, body } = await signIn(await issuer.token(claims));
      expect([status, body.error.code]).toEqual([401, "unauthorized"]);
      expect(body.error.message).toContain(problem);
    }
  });

  test("may be off by the tolerated time, and not by more", async () => {
    const now = Math.floor(Date.now() / 1_000);
    expect((await signIn(await issuer.token({ exp: now - 2 }))).status).toBe(201);
    expect((await signIn(await issuer.token({ exp: now - 20 }))).status).toBe(401);
  });
});

describe("signing in by JWT", () => {
  test("counts by address whatever is presented, and by the player it names", async () => {
    const limits = { SIGN_INS_PER_ADDRESS: "6", SIGN_INS_PER_PLAYER: "2", TRUST_PROXY: "1" };
    const at = await serverWith({ JWT_JWKS_URL: issuer.url, ...limits });
    // An address that no other test has.
    const headers = { "x-forwarded-for": "198.51.100.200" };
    const [sub, other] = [uniqueBoard("ada"), uniqueBoard("bob")];
    const statuses: number[] = [];
    for (const claims of [{ sub }, { sub }, { sub }, { sub: other }, { exp: 1 }, { exp: 1 }, { sub: other }])
      statuses.push(
        (await at.call("POST", "/v1/sessions", { headers, body: { jwt: await issuer.token(claims) } }))
          .status,
      );
    expect(statuses).toEqual([201, 201, 429, 201, 401, 401, 429]);
  });
});

describe("what is not a JWT of the issuer", () => {
  test("is refused: no signature, another key, a tampered one, a public key used as a shared secret, no JWT at all", async () => {
    const good = await issuer.token();
    const [header, payload, signature = ""] = good.split(".");
    const forged = Buffer.from(JSON.stringify(claimsOf({ sub: "eve" }))).toString("base64url");
    const other = await JwtIssuer.start();
    for (const jwt of [
      new UnsecuredJWT(claimsOf({})).encode(),
      `${Buffer.from('{"alg":"none"}').toString("base64url")}.${payload}.`,
      await other.token(),
      `${header}.${forged}.${signature}`,
      `${header}.${payload}.${signature.startsWith("A") ? "B" : "A"}${signature.slice(1)}`,
      await hmac(issuer.pem),
      "a.b.c",
      "nonsense",
    ]) {
      const { status, body } = await signIn(jwt);
      expect([jwt, status, body.error.code]).toEqual([jwt, 401, "unauthorized"]);
    }
    await other.close();
    expect((await signIn("x".repeat(16_385))).status).toBe(400);
    expect((await server.call("POST", "/v1/sessions", { body: { jwt: good, member: "ada" } })).status).toBe(
      400,
    );
  });

  test("is refused where JWT sign-in is off", async () => {
    const plain = await serverWith({ JWT_ISSUER: "", JWT_AUDIENCE: "" });
    const { status, body } = await signIn(await issuer.token(), plain);
    expect([status, body.error.code]).toEqual([403, "forbidden"]);
  });
});

describe("the issuer's keys", () => {
  test("are fetched once for many sign-ins, and again for a key that is new", async () => {
    const own = await JwtIssuer.start("RS256");
    const at = await serverWith({ JWT_JWKS_URL: own.url, JWT_JWKS_COOLDOWN_MS: "0" });
    await Promise.all(Array.from({ length: 8 }, async () => signIn(await own.token(), at)));
    expect((await signIn(await own.token(), at)).status).toBe(201);
    expect(own.asked).toBe(1);
    await own.rotate("second");
    expect((await signIn(await own.token(), at)).status).toBe(201);
    expect(own.asked).toBe(2);
    await own.close();
  });

  test("that are unknown do not make more than one fetch in the cooldown", async () => {
    const own = await JwtIssuer.start();
    const at = await serverWith({ JWT_JWKS_URL: own.url, JWT_JWKS_COOLDOWN_MS: "600000" });
    await signIn(await own.token(), at);
    const stranger = await JwtIssuer.start();
    await stranger.rotate("unknown");
    for (let i = 0; i < 5; i++) expect((await signIn(await stranger.token(), at)).status).toBe(401);
    expect(own.asked).toBe(1);
    await Promise.all([own.close(), stranger.close()]);
  });

  test("that cannot be had make a sign-in unavailable, to be tried again; those that are known go on working", async () => {
    const own = await JwtIssuer.start();
    const at = await serverWith({
      JWT_JWKS_URL: own.url,
      JWT_JWKS_COOLDOWN_MS: "0",
      JWT_JWKS_TIMEOUT_MS: "500",
    });
    const { port } = own;
    const tokens = [await own.token(), await own.token()] as const;
    await own.close();
    expect((await signIn(tokens[0], at)).body.error.code).toBe("unavailable");
    await own.listen(port);
    await eventually(async () => expect((await signIn(tokens[0], at)).status).toBe(201));
    for (const answer of [
      { status: 500, body: "trouble" },
      { status: 200, body: "no JSON" },
      { status: 200, body: '{"keys":[', cut: true as const },
      { status: 200, body: `{"keys": [], "more": "${"x".repeat(300_000)}"}` },
    ]) {
      own.answer = answer;
      await own.rotate(`key ${answer.body.length}`);
      // A failure is followed by a pause, in which nothing is fetched.
      await eventually(async () => {
        const before = own.asked;
        expect((await signIn(await own.token(), at)).body.error.code).toBe("unavailable");
        expect(own.asked).toBe(before + 1);
      });
      expect((await signIn(tokens[1], at)).status).toBe(201);
    }
    await own.close();
  });
});

describe("a key of the settings", () => {
  test("may be a public one as PEM, also with its line ends written out", async () => {
    for (const pem of [issuer.pem, issuer.pem.trim().replaceAll("\n", "\\n")]) {
      const at = await serverWith({ JWT_KEY: pem });
      expect((await signIn(await issuer.token(), at)).status).toBe(201);
      // The public key is known to everybody: as a shared secret it must not count.
      for (const secret of [pem, issuer.pem, issuer.pem.trim()])
        expect((await signIn(await hmac(secret), at)).status).toBe(401);
    }
  });

  test("may be a shared secret, another claim the member's", async () => {
    const at = await serverWith({ JWT_KEY: SECRET, JWT_MEMBER_CLAIM: "player" });
    const { status, body } = await signIn(await hmac(SECRET, { player: "bob" }), at);
    expect([status, body.member]).toEqual([201, "bob"]);
    expect((await signIn(await hmac(`${SECRET}!`, { player: "bob" }), at)).status).toBe(401);
    expect((await signIn(await issuer.token({ player: "bob" }), at)).status).toBe(401);
  });

  test("is refused at the start when the settings do not fit together, in words", async () => {
    for (const [settings, problem] of [
      [{ JWT_KEY: "short" }, "at least 32 bytes"],
      [{ JWT_KEY: SECRET, JWT_ALGORITHMS: "RS256" }, "shared secret"],
      [{ JWT_KEY: issuer.pem, JWT_ALGORITHMS: "ES256,HS256" }, "public"],
      [{ JWT_JWKS_URL: issuer.url, JWT_ALGORITHMS: "HS256" }, "public"],
      [{ JWT_JWKS_URL: issuer.url.replace("//", "//me:secret@") }, "user or password"],
      [{ JWT_KEY: SECRET, JWT_JWKS_URL: issuer.url }, "exclude each other"],
      [{ JWT_KEY: SECRET, JWT_ALGORITHMS: "none" }, "JWT_ALGORITHMS"],
      [{}, "JWT sign-in needs"],
      [{ JWT_KEY: "-----BEGIN PUBLIC KEY----- no key" }, "no PEM"],
    ] as const) {
      await expect(serverWith(settings)).rejects.toThrow(problem);
    }
  });
});
