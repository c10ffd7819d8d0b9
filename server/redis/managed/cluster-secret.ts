/** The password of a managed cluster, whose nodes listen on loopback, where other users of the machine can knock. */
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";

/** The file is part of every node's configuration: on a command line the password would be for all to see. */
export type ClusterSecret = { password: string; file: string };

/** Read, or made at the first start; only this user may read it. @throws Error when the file holds something else */
export async function loadClusterSecret(file: string): Promise<ClusterSecret> {
  const made = randomBytes(24).toString("hex");
  try {
    await writeFile(file, `requirepass ${made}\nmasterauth ${made}\n`, { flag: "wx", mode: 0o600 });
    return { password: made, file };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const password = /^requirepass (\w{16,})$/m.exec(await readFile(file, "utf8"))?.[1];
  if (password === undefined) throw new Error(`${file} holds no password. Delete it, and a new one is made.`);
  return { password, file };
}
