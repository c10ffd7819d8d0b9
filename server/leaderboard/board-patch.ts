/** A change of a board's definition that names only the fields it changes. */
import { z } from "zod";
import type { Board } from "./board.ts";
import { boardDefinition, boardFrom } from "./board-schema.ts";

/** What may be taken away altogether, by null. */
const REMOVABLE = ["rules", "rewards", "webhookTop", "endsAt"];

/** Each field as a definition has it, without its default: what is left out stays as it is. */
const fields = Object.entries(boardDefinition.shape).map(([name, field]) => {
  const plain: z.ZodType = field instanceof z.ZodDefault ? (field.unwrap() as z.ZodType) : field;
  return [name, REMOVABLE.includes(name) ? plain.nullish() : plain.optional()] as const;
});

export const boardPatch = z
  .strictObject(Object.fromEntries(fields))
  .refine((patch) => Object.keys(patch).length > 0, "must name a field to change");

/** @throws AppError board_invalid when the whole would be none; ZodError when a field is not what a definition has */
export function patchedBoard({ id, ...definition }: Board, patch: z.output<typeof boardPatch>): Board {
  const named = Object.entries(patch).filter(([, value]) => value !== undefined);
  const merged = Object.entries({ ...definition, ...Object.fromEntries(named) });
  const kept = Object.fromEntries(merged.filter(([, value]) => value !== null));
  return boardFrom(id, boardDefinition.parse(kept));
}
