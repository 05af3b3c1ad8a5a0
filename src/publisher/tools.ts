import { type ToolOutcome, type ToolParams, toolStart } from "./bodies.ts";
import type { Desk } from "./desk.ts";
import { unawaited } from "./lane.ts";
import { ToolCall, type ToolUser } from "./tool-call.ts";

/** The tools of an agent, on the stream `graph`. */
export class Tools {
  readonly #desk: Desk;
  readonly #user: ToolUser;
  readonly #open: Set<ToolCall>;

  constructor(desk: Desk, user: ToolUser, open: Set<ToolCall>) {
    this.#desk = desk;
    this.#user = user;
    this.#open = open;
  }

  /** Begins a call that is to be ended by hand; it is renewed meanwhile, as long as this process lives. */
  start(tool: string, params: ToolParams = {}): ToolCall {
    const call = new ToolCall(this.#desk, { ...this.#user, tool }, () => this.#open.delete(call));
    this.#open.add(call);
    call.begin(toolStart, params);
    return call;
  }

  /**
   * Runs `work` as a tool: says that it starts, and how it ended, with the time that it took. What it gives or throws is passed
   * on as it is, whether anything of this could be published or not.
   *
   * A throw is the status `error`, and its `exitCode`, if it has one, the exit code. For another outcome `work` calls `end` itself.
   */
  async run<Result>(
    tool: string,
    work: (call: ToolCall) => Result | Promise<Result>,
    params: ToolParams = {},
  ): Promise<Awaited<Result>> {
    const call = this.start(tool, params);
    try {
      const result = await work(call);
      unawaited(call.end());
      return result;
    } catch (thrown) {
      unawaited(call.end(outcomeOf(thrown)));
      throw thrown;
    }
  }
}

/** Nothing of its message: that may hold anything. */
function outcomeOf(thrown: unknown): ToolOutcome {
  const code = typeof thrown === "object" && thrown !== null && "exitCode" in thrown ? thrown.exitCode : 1;
  return { status: "error", exit_code: Number.isSafeInteger(code) ? Number(code) : 1 };
}
