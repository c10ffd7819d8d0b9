/** What the reader is told about the connection, from what the SDK knows of it. Pure. */
import type { ConnectionState, TopSnapshot } from "../../client-sdk/index.ts";

export type LinkKind = "connecting" | "live" | "stale" | "reconnecting" | "failed";

export type LinkState = { kind: LinkKind; label: string };

export function linkStateOf(
  connection: ConnectionState,
  { status, position, error }: Pick<TopSnapshot, "status" | "position" | "error">,
): LinkState {
  if (connection.status === "closed") {
    return { kind: "failed", label: `Closed: ${connection.reason.message}` };
  }
  if (connection.status === "connected") {
    if (status === "live") return { kind: "live", label: "Live" };
    if (status === "stale") return { kind: "stale", label: "Stale" };
    if (status === "error") return { kind: "failed", label: error?.message ?? "Not available" };
    return { kind: "connecting", label: "Connecting" };
  }
  // A board that has been seen is still shown: what follows is a return, not a first visit.
  if (position) return { kind: "reconnecting", label: "Reconnecting" };
  return { kind: "connecting", label: "Connecting" };
}
