/**
 * Signed submissions [P-21]: each session has a signing secret, made from the server's secret and the session's hash. Nothing of it is
 * stored: whoever reads Redis cannot sign, and it ends with its session.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Submission } from "../../client-sdk/protocol/messages.ts";
import { signedText } from "../../client-sdk/protocol/signed-text.ts";
import { AppError } from "../base/errors.ts";
import { sessionHashOf } from "./sessions.ts";

export class Signatures {
  readonly #secret: string;

  /** @param secret the same in every process that opens sessions or takes submissions */
  constructor(secret: string) {
    this.#secret = secret;
  }

  /** What the holder of this session token signs with: text whose UTF-8 bytes are the HMAC's key. */
  secretOf(token: string): string {
    return createHmac("sha256", this.#secret).update(sessionHashOf(token)).digest("base64url");
  }

  /** @throws AppError signature_invalid: missing, of something else, of another session, or without the id that makes a replay harmless */
  check(token: string, board: string, submission: Submission): void {
    const { id, signature } = submission;
    const expected = createHmac("sha256", this.secretOf(token))
      .update(signedText(board, submission))
      .digest();
    const given = Buffer.from(signature ?? "", "base64url");
    // Lengths are no secret; of equal ones every byte is compared.
    const right = given.length === expected.length && timingSafeEqual(given, expected);
    if (!right) throw new AppError("signature_invalid");
    if (id === undefined) {
      throw new AppError("signature_invalid", { message: "A signed submission needs an id." });
    }
  }
}

/**
 * The secret of the settings, else that of `DATA_DIR/signing-secret`, made at the first start: processes that share the folder share it.
 */
export function loadSigningSecret(dataDir: string, configured: string | undefined): string {
  if (configured !== undefined) return configured;
  const file = join(dataDir, "signing-secret");
  const kept = readKept(file);
  if (kept !== undefined) return kept;
  mkdirSync(dataDir, { recursive: true });
  // Written whole under another name first, so that nobody who starts at the same time reads half of it.
  const made = `${file}.${randomBytes(8).toString("hex")}`;
  writeFileSync(made, randomBytes(32).toString("base64url"), { mode: 0o600, flag: "wx" });
  try {
    linkSync(made, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(made);
  }
  return readFileSync(file, "utf8");
}

function readKept(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
