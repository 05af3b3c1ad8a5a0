import { z } from "zod";
import type { Stop } from "../protocol/clock.ts";
import { type CrewStatus, crewStatus } from "./bodies.ts";
import type { Desk } from "./desk.ts";
import { unawaited } from "./lane.ts";
import type { Receipt } from "./outlet.ts";

/** A crew that is not heard of for 90 s counts as offline; so it says its status again while it lives. */
const heartbeatMs = 30_000;

const record = z.strictObject({ status: crewStatus });

/** A crew, and what it says of itself on the stream `mission`. */
export class Crew {
  readonly #desk: Desk;
  readonly #id: string;
  #status: CrewStatus = "offline";
  #stop: Stop = () => {};

  constructor(desk: Desk, id: string) {
    this.#desk = desk;
    this.#id = id;
  }

  /** Says how the crew is, and says it again every 30 s until it says `offline`, or this process ends. */
  signal(status: CrewStatus): Promise<Receipt> {
    this.#stop();
    this.#stop = () => {};
    this.#status = status;
    // What is no status is refused, and not said again.
    if (crewStatus.safeParse(status).success && status !== "offline") {
      this.#stop = this.#desk.clock.every(heartbeatMs, () => unawaited(this.#say()));
    }
    return this.#say();
  }

  /** Says `offline`, unless it is. */
  leave(): void {
    if (this.#status !== "offline") unawaited(this.signal("offline"));
  }

  #say(): Promise<Receipt> {
    const names = ["mission", this.#id];
    return this.#desk.state({ names, schema: record, body: { status: this.#status } });
  }
}
