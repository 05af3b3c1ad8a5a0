import { portions } from "../hub/cohort.ts";
import type { Opening } from "../hub/past.ts";
import { Batch } from "../protocol/batch.ts";
import { parseCursor } from "../protocol/cursor.ts";
import { type End, failed } from "../protocol/end.ts";
import { Failure } from "../protocol/failure.ts";
import { Frame } from "../protocol/frame.ts";
import { echoed, identifierLengthMax } from "../protocol/limits.ts";
import { type ClientMessage, maybeTextIn, textIn } from "../protocol/message.ts";
import { parseVector } from "../protocol/vector.ts";
import { attempt, type Company, isWorthTelling } from "./attempt.ts";
import type { RoomsAdmission } from "./guest.ts";
import type { Attempt } from "./member.ts";
import { type Manner, Members } from "./members.ts";
import type { Opened, Outlet, Script } from "./script.ts";
import { openStream } from "./solo.ts";

/** Rooms on one connection: each is a channel of one feed, and its frames say by themselves which room is meant. */
class Rooms implements Script, Manner {
  readonly #admission: RoomsAdmission;
  readonly #company: Company;
  readonly #members: Members;

  constructor(outlet: Outlet, admission: RoomsAdmission, company: Company) {
    this.#admission = admission;
    this.#company = company;
    const { vector, isFixed, report } = company;
    this.#members = new Members({ outlet, manner: this, vector, isFixed, report });
  }

  begin(attempts: readonly Attempt[]): this {
    this.#members.say(new Batch([new Frame(this.#admission.definition.hello)]));
    for (const one of attempts) this.#members.take(one);
    return this;
  }

  get behind(): number {
    return this.#members.behind;
  }

  receive(message: ClientMessage): void {
    const { join, leave, left, param } = this.#admission.definition;
    if (message.type !== join && message.type !== leave)
      throw new Failure("invalid_message", `Message type "${echoed(message.type)}" is not known here`);
    const name = textIn(message, param);
    if (name.length > identifierLengthMax) {
      return this.#members.say(this.farewell(name, failed(new Failure("bad_request", tooLong)), false));
    }
    if (message.type === join) return this.#join(name, maybeTextIn(message, "since"));
    this.#members.drop(name);
    this.#members.say(new Batch([new Frame(left(name))]));
  }

  drained(): void {
    this.#members.drained();
  }

  gone(): void {
    this.#members.gone();
  }

  dress(_name: string, batch: Batch): Batch {
    return batch;
  }

  farewell(name: string, { frame }: End, wasOpen: boolean): Batch {
    const { param, left } = this.#admission.definition;
    const refusal = frame && [new Frame({ ...JSON.parse(frame.json), [param]: shown(name) })];
    return new Batch([...(refusal ?? []), ...(wasOpen ? [new Frame(left(name))] : [])]);
  }

  /** Enters a room, or enters it again: the answer is the same. */
  #join(name: string, since: string | undefined): void {
    const known = this.#members.get(name);
    // The answer is under way.
    if (known && !known.isOpen) return;
    this.#members.drop(name);
    this.#members.take(ask({ name, since, before: this.#members.size }, this.#admission, this.#company));
  }
}

const tooLong = `The name of a room has at most ${identifierLengthMax} characters`;

/** The name of a room as answers have it: whole, unless it can be no room's. */
function shown(name: string): string {
  return name.length > identifierLengthMax ? echoed(name) : name;
}

/** Finds the rooms that an address names; where none can be entered later, at least one of them. Throws the Failure. */
export async function openRooms(admission: RoomsAdmission, company: Company): Promise<Opened> {
  const { definition, names, since } = admission;
  const { isFixed, standing, within } = company;
  if (isFixed && names.length === 0) {
    const text = `Query parameter "${definition.param}": must name a room, and may be given several times`;
    throw new Failure("bad_query", text);
  }
  const known = standing ?? (since === undefined ? undefined : parseVector(since));
  const attempts = names.map((name, before) => {
    const own = known && (known(placeOf(name, within)) ?? "");
    return ask({ name, since: own, before }, admission, company);
  });
  const isOver = isFixed && !(await isWorthTelling(attempts));
  return { isOver, begin: (outlet) => new Rooms(outlet, admission, company).begin(attempts) };
}

interface Asked {
  readonly name: string;
  readonly since: string | undefined;
  /** How many rooms there are before this one. */
  readonly before: number;
}

function ask({ name, since, before }: Asked, { definition, search }: RoomsAdmission, company: Company): Attempt {
  const { room, param, most } = definition;
  const grant = () => {
    if (name.length > identifierLengthMax) throw new Failure("bad_request", tooLong);
    if (before >= most)
      throw new Failure("too_many_subscriptions", `A connection may have ${most} rooms; leave one, or use another one`);
    return company.guest.subscribe({ room, params: { [param]: name }, search, since });
  };
  const told = (opening: Opening) => named(opening, { [param]: name });
  const open: Company["open"] = (granted, inside) =>
    granted.kind === "stream" ? openStream(granted, company.guest, told) : company.open(granted, inside);
  return attempt({ name, place: placeOf(name, company.within), grant }, { ...company, open });
}

/** What names a room in a vector: no stream is called so. */
function placeOf(name: string, within: string | undefined): string {
  return `${within ?? ""}\n${name}`;
}

/** How a room goes on from a cursor: the greeting says which room it is, because it is no frame of the feed. */
function named(opening: Opening, room: Readonly<Record<string, string>>): Opening {
  const [greeting, ...missed] = opening.frames;
  if (!opening.resumed || greeting?.cursor === undefined) return opening;
  const { type, replayed } = JSON.parse(greeting.json);
  const first = new Frame({ type, ...room, replayed }, parseCursor(greeting.cursor));
  return { ...opening, frames: [first, ...missed], batches: [new Batch([first]), ...portions(missed)] };
}
