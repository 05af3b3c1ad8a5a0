import { allMembers } from "./proc.ts";

type Members = Awaited<ReturnType<typeof allMembers>>;

/** Finds the running processes of launches. However many ask at once, all processes are looked through once for them. */
export class Census {
  #next: Promise<Members> | undefined;
  #present: Promise<unknown> = Promise.resolve();

  /** Every process that was begun by a launch and has not hidden its environment. */
  async membersOf(launch: string): Promise<readonly number[]> {
    // A count that is under way may have passed by already.
    this.#next ??= this.#present.then(() => {
      this.#next = undefined;
      const counted = allMembers();
      // Those who asked have the reason; the next count goes on.
      this.#present = counted.catch(() => {});
      return counted;
    });
    return (await this.#next).get(launch) ?? [];
  }
}
