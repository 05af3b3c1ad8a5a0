import type { AnyFrame } from "./frame.ts";
import { sorting } from "./sorting.ts";
import type { Abort, Answer } from "./surroundings.ts";
import {
  ask,
  type ErrorFrame,
  endingBy,
  fromThere,
  type Hear,
  isError,
  isFarewell,
  lost,
  type Place,
  turnedAway,
  type Wire,
} from "./wire.ts";

/** Many streams in one response of Server-Sent Events; which they are is in its address, so it begins anew when they change. */
export class EventWire implements Wire {
  readonly #hear: Hear;
  readonly #names = new Set<string>();
  #place: Place;
  #request: Abort;
  #isDue = false;

  constructor(place: Place, hear: Hear) {
    this.#place = place;
    this.#hear = hear;
    this.#request = place.surroundings.abort();
  }

  follow(name: string): void {
    this.#names.add(name);
    this.#change();
  }

  leave(name: string): void {
    if (this.#names.delete(name)) this.#change();
  }

  check(): void {
    this.#request.abort();
    if (this.#isDue) return;
    this.#isDue = true;
    this.#place.surroundings.after(0, () => {
      this.#isDue = false;
      this.#request = this.#place.surroundings.abort();
      void this.#read(this.#request);
    });
  }

  renew(token: string, connection: unknown): void {
    this.#place = { ...this.#place, token };
    const body = JSON.stringify({ connection });
    // When it fails, the connection ends in a minute, and the next one has the new token.
    ask(this.#place, "api/session/refresh", { method: "POST", body }).catch(() => {});
  }

  close(): void {
    this.#names.clear();
    this.#request.abort();
  }

  #change(): void {
    this.check();
    this.#hear("doubt");
  }

  async #read(request: Abort): Promise<void> {
    const tags = new Map<string, string>();
    for (const name of this.#names) {
      const { since } = this.#place.start(name);
      tags.set(since ? fromThere(name, since) : name, name);
    }
    if (tags.size === 0) return;
    const query = [...tags.keys()].map((tag) => `stream=${encodeURIComponent(tag)}`).join("&");
    try {
      const answer = await ask(this.#place, `sse?${query}`, { signal: request.signal });
      if (request.signal.aborted) return;
      if (answer.status === 200) await this.#events(answer, tags, request);
      else await this.#turnAway(answer, request);
    } catch {
      if (!request.signal.aborted) this.#hear("ended", lost);
    }
  }

  async #events({ body }: Answer, tags: ReadonlyMap<string, string>, request: Abort): Promise<void> {
    const sort = sorting(this.#hear, (tag, frame) => this.#take(tags.get(tag), frame));
    let error: ErrorFrame | undefined;
    const reader = body?.getReader();
    const decoder = this.#place.surroundings.decoder();
    let rest = "";
    for (;;) {
      const { done = true, value } = (await reader?.read()) ?? {};
      if (done || request.signal.aborted) break;
      const events = (rest + decoder.decode(value, { stream: true })).split("\n\n");
      rest = events.pop() ?? "";
      for (const event of events) {
        const data = /^data: (.*)/m.exec(event)?.[1];
        if (data !== undefined && !request.signal.aborted) error = sort(data);
      }
    }
    if (!request.signal.aborted && this.#names.size > 0) this.#hear("ended", endingBy(error));
  }

  async #turnAway(answer: Answer, request: Abort): Promise<void> {
    if (answer.status === 204) return this.#refuse([...this.#names], "done");
    const why = await turnedAway(answer, this.#place);
    if (request.signal.aborted) return;
    if (!isError(why)) return this.#hear("ended", why);
    // It was told why the first of them was refused; the others find out in the same way.
    const [first = ""] = this.#names;
    this.#hear("frame", first, why);
    this.#refuse([first], why.code);
    this.#change();
  }

  #refuse(names: readonly string[], reason: string): void {
    this.#hear("heard");
    for (const name of names) this.#take(name, { type: "unsubscribed", reason });
  }

  #take(name: string | undefined, frame: AnyFrame): void {
    if (name === undefined) return;
    if (isFarewell(frame)) this.#names.delete(name);
    this.#hear("frame", name, frame);
  }
}
