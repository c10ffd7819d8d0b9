/** The question for one view of a board's top, which is followed by frames from position to position. [P-4]–[P-8] */
import {
  applyFrame,
  applyFrames,
  type BoardView,
  catchUp,
  type TopEvent,
  viewOf,
  withProfiles,
} from "./board-view.ts";
import type {
  Frame,
  MemberProfiles,
  ProfilesMessage,
  Snapshot,
  TopReply,
  ViewSize,
} from "./protocol/messages.ts";
import type { Question, Step } from "./question.ts";

export type TopQuestion = Question<BoardView, TopEvent, TopReply>;

export function topQuestion(board: string, size: ViewSize): TopQuestion {
  const name = { board, kind: "top", view: size } as const;
  /** The server's answer did not fit our position: ask for a whole view. */
  let positionRefused = false;
  return {
    name,
    message: (view) => (view && !positionRefused ? { ...name, position: view.position } : name),
    answered: (reply, before, held) => {
      const answer =
        reply.mode === "snapshot"
          ? viewOf(reply.snapshot)
          : before && resumed(before, reply.frames, reply.profiles);
      positionRefused = answer === undefined;
      if (!answer) return { kind: "again" };
      const view = catchUp(answer, held);
      return view ? { kind: "value", value: view } : { kind: "again", value: answer };
    },
    heard: (event, view) => {
      if ("kind" in event) return afterProfiles(event, view);
      return "rows" in event ? afterSnapshot(event, view) : afterFrame(event, view);
    },
    seasonOf: ({ season }) => season,
  };
}

function resumed(before: BoardView, frames: Frame[], profiles: MemberProfiles = {}): BoardView | undefined {
  const view = applyFrames(before, frames);
  return view && withProfiles(view, profiles);
}

/** [P-22] */
function afterProfiles({ profiles }: ProfilesMessage, before: BoardView): Step<BoardView> {
  const view = withProfiles(before, profiles);
  return view === before ? { kind: "nothing" } : { kind: "value", value: view };
}

function afterFrame(frame: Frame, view: BoardView): Step<BoardView> {
  const applied = applyFrame(view, frame);
  if (applied.kind === "applied") return { kind: "value", value: applied.view };
  return { kind: applied.kind === "gap" ? "again" : "nothing" };
}

/** [P-8] A new season comes this way, and perhaps with new rules: those come only with a subscribe. */
function afterSnapshot(snapshot: Snapshot, view: BoardView): Step<BoardView> {
  if (snapshot.season !== view.season) return { kind: "again" };
  return { kind: "value", value: viewOf(snapshot) };
}
