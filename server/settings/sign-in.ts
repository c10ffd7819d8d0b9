/** Settings of signing in: JWTs of the operator's identity provider, and anonymous devices. */
import { z } from "zod";
import { ms, type Setting, setting } from "./setting.ts";

const text = z.string().min(1).optional();

/** Algorithms of public keys; a shared secret has HS256 where nothing is said. */
const ALGORITHMS = ["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] as const;
const CURVES = ["ES256", "ES384", "ES512", "EdDSA", "Ed25519"] as const;

export const signInSettings = {
  JWT_ISSUER: setting(
    text,
    "`iss` of the JWTs that sign players in. Needs JWT_AUDIENCE and a key. Unset: off.",
  ),
  JWT_AUDIENCE: setting(text, "`aud` of those JWTs: what the issuer calls this server."),
  JWT_JWKS_URL: setting(
    z.url({ protocol: /^https?$/ }).optional(),
    "Where the issuer's public keys are; `https://` unless it is on this machine's own network.",
  ),
  JWT_KEY: setting(
    text,
    "Instead of JWT_JWKS_URL: a public key or certificate as PEM text, or a shared secret of at least 32 bytes.",
  ),
  JWT_ALGORITHMS: setting(
    z
      .string()
      .optional()
      .transform((list) => list?.split(",").map((name) => name.trim()))
      .pipe(
        z
          .array(z.enum([...ALGORITHMS, ...CURVES]))
          .min(1)
          .optional(),
      ),
    "Accepted algorithms, by comma. Unset: `RS256,PS256,ES256,EdDSA` for public keys, `HS256` for a shared secret.",
  ),
  JWT_MEMBER_CLAIM: setting(z.string().min(1).default("sub"), "The claim that names the member."),
  JWT_TOLERANCE_MS: setting(
    z.coerce.number().int().min(0).max(300_000).default(5_000),
    "ms. How far the issuer's clock may be off.",
  ),
  JWT_JWKS_CACHE_MS: setting(ms(600_000), "ms. Fetched keys are fetched again after this time…"),
  JWT_JWKS_COOLDOWN_MS: setting(
    z.coerce.number().int().min(0).default(30_000),
    "ms. …and for a key id that is not among them, but not more often than this.",
  ),
  JWT_JWKS_TIMEOUT_MS: setting(ms(3_000), "ms. Fetching them may take this long."),
  DEVICE_SIGN_IN: setting(
    z
      .enum(["on", "off"])
      .default("off")
      .transform((value) => value === "on"),
    "`on`: anybody may sign in as an anonymous member, by a secret that the device chose.",
  ),
  KEYS_POLL_MS: setting(
    ms(10_000),
    "ms. API keys are read from the database again this often, in case the word of a change was lost.",
  ),
} as const satisfies Record<string, Setting>;

/** What must hold between these settings. */
export function brokenSignIn(config: {
  JWT_ISSUER?: string | undefined;
  JWT_AUDIENCE?: string | undefined;
  JWT_JWKS_URL?: string | undefined;
  JWT_KEY?: string | undefined;
}): string[] {
  const given = [config.JWT_ISSUER, config.JWT_AUDIENCE, config.JWT_JWKS_URL ?? config.JWT_KEY];
  const broken: string[] = [];
  if (given.some((one) => one !== undefined) && given.includes(undefined))
    broken.push("JWT sign-in needs JWT_ISSUER, JWT_AUDIENCE and one of JWT_JWKS_URL and JWT_KEY");
  if (config.JWT_JWKS_URL !== undefined && config.JWT_KEY !== undefined)
    broken.push("JWT_JWKS_URL and JWT_KEY exclude each other");
  return broken;
}
