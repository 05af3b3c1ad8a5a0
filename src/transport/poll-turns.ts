import { Gate } from "../bus/gate.ts";

/** How many answers to polls are made for one principal at a time; more wait for their turn. */
const atOnce = 4;

/** Lets no principal keep the polls of others waiting, whatever its own ask for. */
export class PollTurns {
  readonly #gates = new Map<string, { readonly gate: Gate; users: number }>();

  /** Does something in the turn of a principal. */
  async take<Result>(who: string, task: () => Promise<Result>): Promise<Result> {
    const turn = this.#gates.get(who) ?? { gate: new Gate(atOnce), users: 0 };
    this.#gates.set(who, turn);
    turn.users += 1;
    try {
      return await turn.gate.pass(task);
    } finally {
      turn.users -= 1;
      if (turn.users === 0) this.#gates.delete(who);
    }
  }
}
