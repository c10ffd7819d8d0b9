/** The name of a reward: board, season and member, who has at most one in each. Ids of boards have no dot; what follows the second is the member. */
import type { RewardOf } from "../archive/stored-rewards.ts";

export function rewardId({ board, season, member }: RewardOf): string {
  return `${board}.${season}.${member}`;
}

/** Undefined when it is no such name. */
export function rewardNamed(id: string): RewardOf | undefined {
  const [, board = "", number = "", member = ""] = /^([^.]+)\.([1-9]\d{0,8})\.(.+)$/su.exec(id) ?? [];
  return member === "" ? undefined : { board, season: Number(number), member };
}
