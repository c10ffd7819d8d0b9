/** The signature of a delivery: who has the secret knows that Rankwire wrote the body, and when. */
import { createHmac, randomBytes } from "node:crypto";

/** 256 random bits behind a word that secret scanners can look for. */
export function newSigningSecret(): string {
  return `whsec_${randomBytes(32).toString("base64url")}`;
}

/**
 * `t=<unix seconds>,v1=<hex>[,v1=<hex>]`: a v1 for each secret that is good, over `<t>.<body>`. The key is the secret's text as it was
 * given out, its beginning too.
 */
export function signatureHeader(body: string, secrets: readonly string[], nowMs: number): string {
  const t = Math.floor(nowMs / 1000);
  const signatures = secrets.map(
    (secret) => `v1=${createHmac("sha256", secret).update(`${t}.${body}`).digest("hex")}`,
  );
  return [`t=${t}`, ...signatures].join(",");
}
