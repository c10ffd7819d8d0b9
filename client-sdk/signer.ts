/** Signs submissions with the session's secret, by Web Crypto, which browsers and Node have. [P-21] */
import { ownError } from "./errors.ts";
import type { SubmitMessage } from "./protocol/messages.ts";
import { signedText } from "./protocol/signed-text.ts";

/** The secret that came with the session token; a function where the token changes, asked before every send. */
export type SigningSecret = string | (() => string | undefined);

export type Signer = (message: SubmitMessage) => Promise<SubmitMessage>;

/**
 * Adds the signature. Without a secret, or on a page that is not secure and so has no Web Crypto, the message stays as it is, and a
 * board that asks for signatures refuses it.
 */
export function createSigner(source: SigningSecret): Signer {
  return async (message) => {
    const secret = typeof source === "string" ? source : source();
    // Typed as always there; on plain http pages it is not.
    const subtle = globalThis.crypto?.subtle as typeof crypto.subtle | undefined;
    if (!secret || !subtle) return message;
    const { board, ack: _, ...submission } = message;
    const bytes = new TextEncoder();
    try {
      const algorithm = { name: "HMAC", hash: "SHA-256" };
      const key = await subtle.importKey("raw", bytes.encode(secret), algorithm, false, ["sign"]);
      const signature = await subtle.sign("HMAC", key, bytes.encode(signedText(board, submission)));
      return { ...message, signature: base64url(new Uint8Array(signature)) };
    } catch (error) {
      throw ownError("bad_request", "The submission cannot be signed.", error);
    }
  };
}

function base64url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
