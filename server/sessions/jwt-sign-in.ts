/**
 * Players signed in elsewhere: a JWT of the operator's identity provider names the member. Verified by `jose` against one issuer, one
 * audience, an allow-list of algorithms, and either a key of the settings or a JWKS that is fetched, cached and fetched again for a
 * key id that it lacks. What a token says beyond its member is neither stored nor logged.
 */
import { createPublicKey, createSecretKey, type KeyObject } from "node:crypto";
import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey, jwtVerify } from "jose";
import { AppError } from "../base/errors.ts";

export type JwtOptions = {
  issuer: string;
  audience: string;
  /** Where the keys come from: a JWKS, or PEM text, or a shared secret. */
  keys: { jwksUrl: string } | { text: string };
  algorithms: readonly string[];
  /** The claim that holds the member. */
  memberClaim: string;
  /** How far the clocks of issuer and server may be apart. */
  toleranceMs: number;
  jwks: { cacheMs: number; cooldownMs: number; timeoutMs: number };
};

/** Shorter shared secrets can be guessed from one token. */
export const SECRET_BYTES_MIN = 32;
const JWKS_BYTES_MAX = 256 * 1024;
/** A JWKS that could not be fetched is left alone for this long. */
const FAILED_MS = 1_000;

export class JwtSignIn {
  readonly #options: JwtOptions;
  readonly #key: KeyObject | undefined;
  readonly #jwks: JWTVerifyGetKey | undefined;
  #failedAt = Number.NEGATIVE_INFINITY;

  /** @throws Error for people when the settings do not fit together */
  constructor(options: JwtOptions) {
    this.#options = options;
    refuseUnfit(options);
    const { keys, jwks } = options;
    if ("text" in keys) this.#key = keyOf(keys.text);
    else {
      this.#jwks = createRemoteJWKSet(new URL(keys.jwksUrl), {
        cacheMaxAge: jwks.cacheMs,
        cooldownDuration: jwks.cooldownMs,
        timeoutDuration: jwks.timeoutMs,
        [customFetch]: (url, init) => this.#fetch(url, init),
      });
    }
  }

  /**
   * The member that a token names, whatever text that is.
   * @throws AppError unauthorized with what is wrong, unavailable when the JWKS cannot be had
   */
  async memberOf(token: string): Promise<string> {
    const { issuer, audience, algorithms, memberClaim, toleranceMs } = this.#options;
    const checks = {
      issuer,
      audience,
      algorithms: [...algorithms],
      clockTolerance: toleranceMs / 1_000,
      requiredClaims: ["exp", memberClaim],
    };
    const verified = await (this.#jwks
      ? jwtVerify(token, this.#jwks, checks)
      : jwtVerify(token, this.#key as KeyObject, checks)
    ).catch((error: unknown) => {
      throw refusalOf(error);
    });
    const member = verified.payload[memberClaim];
    if (typeof member === "string") return member;
    throw new AppError("unauthorized", { message: `The JWT's claim "${memberClaim}" is not text.` });
  }

  /** Bounded in size, and not at once again after a failure, so that wrong tokens do not flood an endpoint that is in trouble. */
  async #fetch(url: string, init: RequestInit): Promise<Response> {
    if (performance.now() - this.#failedAt < FAILED_MS) throw new errors.JWKSTimeout();
    try {
      const response = await fetch(url, init);
      const body = await boundedBody(response);
      if (response.status !== 200) throw new Error(`the JWKS answered ${response.status}`);
      return new Response(body, { status: 200 });
    } catch (error) {
      this.#failedAt = performance.now();
      throw new JwksAway("the JWKS could not be fetched", { cause: error });
    }
  }
}

/** Whatever it was: cut off, too large, refused. Told apart from what `jose` says of a token, which can be a TypeError too. */
class JwksAway extends Error {}

async function boundedBody(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).length;
    if (bytes > JWKS_BYTES_MAX) throw new Error("the JWKS is too large");
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The token itself is in none of these. */
function refusalOf(error: unknown): AppError {
  if (error instanceof errors.JWTExpired) return refused("The JWT has expired.");
  if (error instanceof errors.JWTClaimValidationFailed)
    return refused(`The JWT's claim "${error.claim}" is missing or not accepted.`);
  if (error instanceof errors.JOSEAlgNotAllowed) return refused("The JWT's algorithm is not accepted.");
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return refused("The JWT's signature does not fit.");
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
    return refused("The JWT names no key of the JWKS.");
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid)
    return refused("That is not a JWT.");
  if (error instanceof JwksAway) return away(error);
  if (error instanceof errors.JOSENotSupported || error instanceof TypeError)
    return refused("The JWT's kind is not supported.");
  return away(error);
}

function refused(message: string): AppError {
  return new AppError("unauthorized", { message });
}

function away(error: unknown): AppError {
  const message = "The keys of the JWT's issuer cannot be had just now.";
  return new AppError("unavailable", { message, retryAfterMs: FAILED_MS, cause: error });
}

const isPem = (text: string): boolean => text.includes("-----BEGIN ");

/** @throws Error for people */
function keyOf(text: string): KeyObject {
  if (!isPem(text)) return createSecretKey(Buffer.from(text, "utf8"));
  // Settings hold line ends as two characters where they cannot hold them as one.
  const pem = text.replaceAll("\\n", "\n");
  if (pem.includes("PRIVATE KEY")) throw new Error("JWT_KEY is a private key; give the public one.");
  try {
    return createPublicKey(pem);
  } catch {
    throw new Error("JWT_KEY is no PEM of a public key or certificate.");
  }
}

/** A public key must never be taken for a shared secret, so the two kinds of algorithms do not mix. */
function refuseUnfit({ keys, algorithms }: JwtOptions): void {
  const isShared = "text" in keys && !isPem(keys.text);
  if ("jwksUrl" in keys && /^[^/]+\/\/[^/]*@/.test(keys.jwksUrl))
    throw new Error("JWT_JWKS_URL holds a user or password; a JWKS is public, give its plain address.");
  if (algorithms.length === 0) throw new Error("JWT_ALGORITHMS names none.");
  for (const algorithm of algorithms) {
    const isHmac = algorithm.startsWith("HS");
    if (isHmac !== isShared) {
      const why = isShared ? "JWT_KEY is a shared secret" : "the keys are public ones";
      throw new Error(`JWT_ALGORITHMS names ${algorithm}, but ${why}.`);
    }
  }
  if (isShared && Buffer.byteLength((keys as { text: string }).text) < SECRET_BYTES_MIN)
    throw new Error(`JWT_KEY as a shared secret needs at least ${SECRET_BYTES_MIN} bytes.`);
}
