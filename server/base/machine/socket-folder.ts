/** Where a unix socket of a DATA_DIR lies. */
import { createHash } from "node:crypto";
import { lstat, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A unix socket's path has room for 103 bytes on macOS and 107 on Linux; beyond that the kernel refuses it. */
const SOCKET_BYTES_MAX = 103;

/**
 * In the folder itself; or, where that is too long for a socket, in a short one of the system's temporary folder that is
 * named by a hash of the long one, so that every start on the same DATA_DIR finds the same socket.
 * @throws Error when the short folder is not ours
 */
export async function privateSocketPath(dataDir: string, socket: string): Promise<string> {
  const path = pathWithRoom(dataDir, socket);
  if (dirname(path) !== dataDir) await makePrivate(dirname(path));
  return path;
}

/** The same, for who only looks: makes no folder. */
export function pathWithRoom(dataDir: string, socket: string): string {
  const name = `rankwire-${createHash("sha256").update(dataDir).digest("hex").slice(0, 16)}`;
  const folders = [dataDir, join(tmpdir(), name), join("/tmp", name)];
  const paths = folders.map((folder) => join(folder, socket));
  return paths.find((path) => Buffer.byteLength(path) <= SOCKET_BYTES_MAX) ?? paths.at(-1)!;
}

/** In a folder that all users share, another may have been there first: then the socket would be theirs to replace. */
async function makePrivate(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = await lstat(folder).then((stat) => ({
    uid: stat.uid,
    mode: stat.isDirectory() ? stat.mode & 0o777 : -1,
  }));
  if (uid === process.getuid?.() && mode === 0o700) return;
  throw new Error(
    `${folder}, for the socket, belongs to somebody else. Remove it, or set a shorter DATA_DIR.`,
  );
}
