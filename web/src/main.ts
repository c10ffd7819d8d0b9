/** The page: one spectator's client, the board's top 20, and one player followed live at any depth. */
import { type BoardInfo, createClient } from "../../client-sdk/index.ts";
import { chooseBoard, randomMember } from "./board-choice.ts";
import { BoardList } from "./board-list.ts";
import { byId, setText } from "./dom.ts";
import { FollowCard } from "./follow-card.ts";
import { Follower, NEIGHBOURS } from "./follower.ts";
import { linkStateOf } from "./link-state.ts";
import { type FormatNumber, formatCount, scoreFormat } from "./number-format.ts";
import { StatusBar } from "./status-bar.ts";

const LIMIT = 20;

function showBoard(id: string): void {
  const client = createClient({ url: location.origin });
  const board = client.board(id);
  const top = board.top({ limit: LIMIT });
  let format: FormatNumber = formatCount;
  let shown = top.getSnapshot();

  const status = new StatusBar();
  const card = new FollowCard(() => void follower.followAnother());
  const follower = new Follower({
    board,
    pick: () => randomMember(id, top.getSnapshot().total),
    onMember: (member) => {
      card.showMember(member);
      draw();
    },
    onChange: () => draw(),
  });
  const onChoose = (member: string): void => follower.follow(member);
  const list = new BoardList({ list: byId("rows", HTMLOListElement), limit: LIMIT, onChoose });
  const neighbours = new BoardList({
    list: byId("neighbours", HTMLOListElement),
    limit: NEIGHBOURS,
    onChoose,
  });

  /** However many frames come, the page is drawn once per picture of the screen, and not at all when nobody looks. */
  const draw = once(() => {
    const snapshot = top.getSnapshot();
    status.show(linkStateOf(client.state.getSnapshot(), snapshot), snapshot);
    const { entries, info } = snapshot;
    const nowMs = performance.now();
    if (!info) return;
    const shared = { ...rulesOf(info), format, followed: follower.member, nowMs };
    list.show({ ...shared, entries });
    neighbours.show({ ...shared, entries: follower.around?.entries ?? [] });
    if (follower.entry) card.showProfile(follower.entry, info.profileFields);
    if (follower.me) card.show(follower.me, format);
  });

  const changed = (): void => {
    const before = shown;
    shown = top.getSnapshot();
    if (shown.info && shown.info !== before.info) {
      const score = shown.info.columns[0];
      const name = score?.name ?? "score";
      format = scoreFormat(score?.type === "decimal" ? score.decimals : undefined);
      for (const place of ["score-name", "follow-score-name"]) setText(byId(place, HTMLElement), name);
    }
    if (shown.position !== before.position && before.position) {
      const rows = shown.entries.filter((entry, i) => entry !== before.entries[i]);
      status.countFrame(rows.length, performance.now());
    }
    draw();
  };

  showTitle(id);
  client.state.subscribe(draw);
  top.subscribe(changed);
  follower.start();
  setInterval(() => {
    status.tick(performance.now());
    card.tick();
    draw();
  }, 1_000);
  draw();
}

function showTitle(id: string): void {
  setText(byId("title", HTMLElement), id);
  document.title = `${id} · Rankwire`;
}

/** What lists need of the board's definition. */
function rulesOf({ order, profileFields }: BoardInfo) {
  return { order, fields: profileFields };
}

/** `action` at the browser's next picture, however often it is asked for before. */
function once(action: () => void): () => void {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      action();
    });
  };
}

showBoard(await chooseBoard());
