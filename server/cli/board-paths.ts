/** Where the HTTP API has a board, its members, and what admins do with them: docs/api.md. */

/** What anyone may call who may read the board. */
export function pathOf(board = ""): string {
  return `/v1/boards/${encodeURIComponent(board)}`;
}

export function memberPathOf(board = "", member = ""): string {
  return `${pathOf(board)}/members/${encodeURIComponent(member)}`;
}

/** What admins call. */
export function adminPathOf(board = ""): string {
  return `/v1/admin/boards/${encodeURIComponent(board)}`;
}

export function adminMemberPathOf(board = "", member = ""): string {
  return `${adminPathOf(board)}/members/${encodeURIComponent(member)}`;
}
