/** `submit`: a player's own score, on boards that take scores from players [P-11]. */
import type { Submission } from "../../../client-sdk/protocol/messages.ts";
import { AppError, toAppError } from "../../base/errors.ts";
import type { MemberSubmission } from "../../ingest/shard-event.ts";
import { countOutcomes } from "../gateway-metrics.ts";
import type { SocketMessages } from "../schemas.ts";
import type { Context, Handler } from "./handler.ts";

export const handleSubmit: Handler<SocketMessages["submit"]> = async (context, message, reply) => {
  const { gateway, socket } = context;
  const { caller } = socket.data;
  if (caller.role !== "player") {
    throw new AppError("unauthorized", { message: "Only a signed-in player submits over a socket." });
  }
  const { board, ack, signature, ...submission } = message;
  const open = await gateway.registry.get(board);
  if (open.board.writers !== "player") {
    throw new AppError("forbidden", { message: `Board "${board}" takes scores from game servers only.` });
  }
  await takeSubmission(context, open.board.id, caller.member);
  if (open.board.rules?.signed) {
    gateway.signatures.check(caller.token, board, { ...submission, signature } as Submission);
  }
  const own = { ...submission, member: caller.member } as MemberSubmission;
  const arrival = gateway.ingest.arrival(open);
  const { results, reached } =
    ack === "replica"
      ? await gateway.replication.submit(open, [own], arrival)
      : { results: await gateway.ingest.submit(open, [own], undefined, arrival), reached: "memory" };
  countOutcomes(gateway, open.board.id, results, () => caller.member);
  const result = results[0]!;
  // What may succeed later was not judged: the sender keeps it and tries again with the same id [P-10].
  if (result.outcome === "rejected" && result.error.retryable) {
    const { code, message, retryAfterMs } = result.error;
    throw new AppError(code, { message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
  }
  reply({ season: arrival.open.season.number, result, ...(ack === undefined ? {} : { ack: reached }) });
};

/** The limits of the socket and of the player; the board counts what they refuse. @throws AppError limited, unavailable */
async function takeSubmission({ gateway, socket }: Context, board: string, member: string): Promise<void> {
  try {
    socket.data.takeSubmission();
    await gateway.rates.takeSubmission(member);
  } catch (error) {
    if (toAppError(error).code === "limited") gateway.boardCounters.add(board, "limited");
    throw error;
  }
}
