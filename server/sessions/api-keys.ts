/** The server key and the admin key: compared in constant time, made and kept in DATA_DIR when the settings leave them out. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export type Role = "server" | "admin";

export type KeySettings = { adminKey: string | undefined; serverKey: string | undefined };

export class ApiKeys {
  readonly #hashes: { role: Role; hash: Buffer }[];

  constructor(keys: { adminKey: string; serverKey: string }) {
    this.#hashes = [
      { role: "admin", hash: sha256(keys.adminKey) },
      { role: "server", hash: sha256(keys.serverKey) },
    ];
  }

  /** The role of a presented key; every known key is compared, whether or not an earlier one matched. */
  roleOf(presented: string): Role | undefined {
    const hash = sha256(presented);
    let role: Role | undefined;
    for (const known of this.#hashes) if (timingSafeEqual(known.hash, hash)) role ??= known.role;
    return role;
  }
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/**
 * The keys of the settings; what they leave out is taken from `DATA_DIR/keys.json`, made at the first start.
 * @returns also the file, when one is in use, so that its place can be shown
 */
export function loadKeys(
  dataDir: string,
  { adminKey, serverKey }: KeySettings,
): { adminKey: string; serverKey: string; file?: string } {
  if (adminKey !== undefined && serverKey !== undefined) return { adminKey, serverKey };
  const file = join(dataDir, "keys.json");
  if (!existsSync(file)) {
    mkdirSync(dataDir, { recursive: true });
    const made = { adminKey: `rw_admin_${newSecret()}`, serverKey: `rw_server_${newSecret()}` };
    writeFileSync(file, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600, flag: "wx" });
  }
  const kept = JSON.parse(readFileSync(file, "utf8")) as { adminKey: string; serverKey: string };
  return { adminKey: adminKey ?? kept.adminKey, serverKey: serverKey ?? kept.serverKey, file };
}

function newSecret(): string {
  return randomBytes(24).toString("base64url");
}
