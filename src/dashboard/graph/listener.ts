import type { ActiveTool, GraphFrame, Stop, Stream } from "../../client/index.ts";
import { type Activity, type Ending, endingOf, fromActive, hear } from "./activity.ts";

/** How long frames are gathered before they are shown: a graph that moves more often cannot be read. */
const drawEveryMs = 150;

/** How often it is shown when nothing is heard, so that agents come to rest. */
const restEveryMs = 5000;

/** How many endings are told each time; nobody reads more. */
const mostTold = 3;

/** The tools that agents use, as frames tell of them. */
export type GraphStream = Stream<ReadonlyMap<string, ActiveTool>, GraphFrame>;

/** Whom it is shown to. */
export interface Audience {
  draw(activity: Activity, nowMs: number): void;
  tell(ending: Ending): void;
}

/** Hears every frame at once, and shows what came of them a little later. */
export class GraphListener {
  readonly #audience: Audience;
  readonly #unheard: Stop;
  #heard: Activity;
  #endings: Ending[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isSoon = false;

  constructor(stream: GraphStream, audience: Audience) {
    this.#audience = audience;
    this.#heard = fromActive(stream.getSnapshot()?.values() ?? []);
    this.#unheard = stream.onFrame((frame) => this.#hear(frame));
    this.#draw();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#unheard();
  }

  #hear(frame: GraphFrame): void {
    const now = Date.now();
    if (frame.type === "tool_end") this.#endings.push(endingOf(this.#heard, frame, now));
    this.#heard = hear(this.#heard, frame, now);
    if (this.#isSoon) return;
    this.#isSoon = true;
    this.#drawIn(drawEveryMs);
  }

  #draw(): void {
    this.#isSoon = false;
    this.#drawIn(restEveryMs);
    this.#audience.draw(this.#heard, Date.now());
    for (const ending of this.#endings.splice(0).slice(-mostTold)) this.#audience.tell(ending);
  }

  #drawIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#draw(), ms);
  }
}
