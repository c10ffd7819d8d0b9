/** Which board the page shows: the address says (`?board=…`), else the first public one. */
import type { BoardInfo } from "../../client-sdk/index.ts";
import { byId, make, setText } from "./dom.ts";

const RETRY_MS = 2_000;

/** Resolves when there is a board to show; the page says meanwhile what it waits for. */
export async function chooseBoard(): Promise<string> {
  const asked = new URLSearchParams(location.search).get("board");
  const notice = byId("notice", HTMLElement);
  for (;;) {
    const boards = await publicBoards().catch(() => undefined);
    const chosen = asked ?? boards?.[0];
    if (chosen !== undefined) {
      notice.hidden = true;
      if (boards) offer(boards, chosen);
      return chosen;
    }
    notice.hidden = false;
    setText(
      notice,
      boards
        ? "There is no public board yet. Create one with PUT /v1/admin/boards/:board, and it appears here by itself. To see one with players on it, run npm run demo."
        : "The server cannot be reached. Trying again…",
    );
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** A player of a board of `total`, every one of its best thousand as likely as the others. */
export async function randomMember(board: string, total: number): Promise<string | undefined> {
  if (total === 0) return undefined;
  const offset = Math.floor(Math.random() * Math.min(total, 1000));
  const address = `/v1/boards/${encodeURIComponent(board)}/top?limit=1&offset=${offset}`;
  const { entries } = (await getJson(address)) as { entries: { member: string }[] };
  return entries[0]?.member;
}

async function publicBoards(): Promise<string[]> {
  const { boards } = (await getJson("/v1/boards")) as { boards: BoardInfo[] };
  return boards.filter(({ visibility }) => visibility === "public").map(({ board }) => board);
}

async function getJson(address: string): Promise<unknown> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  return response.json();
}

function offer(boards: readonly string[], chosen: string): void {
  if (boards.length < 2) return;
  const select = byId("boards", HTMLSelectElement);
  for (const board of boards.includes(chosen) ? boards : [chosen, ...boards]) {
    const option = make("option", "", board);
    option.value = board;
    option.selected = board === chosen;
    select.append(option);
  }
  select.addEventListener("change", () => {
    location.search = new URLSearchParams({ board: select.value }).toString();
  });
  select.parentElement!.hidden = false;
  // The list shows the name already.
  byId("title", HTMLElement).classList.add("spoken");
}
