import type { Vector } from "../protocol/vector.ts";
import type { Admission, Granted, Guest } from "./guest.ts";
import type { Attempt } from "./member.ts";
import type { Opened } from "./script.ts";

/** What the streams of one connection have in common. */
export interface Company {
  readonly guest: Guest;
  /** Where the client stands in all of them, on a transport that tells it. */
  readonly vector: Vector | undefined;
  /** Where the client says that it stands; undefined when it says nothing. */
  readonly standing: Standing | undefined;
  /** Whether the address alone says which they are. */
  readonly isFixed: boolean;
  /** The stream that the rooms belong to, on a connection with many streams. */
  readonly within: string | undefined;
  readonly report: (fault: unknown) => void;
  /** Finds what was granted. Rejects with the Failure that says why it cannot be told. */
  open(admission: Admission, company: Company): Promise<Opened>;
}

/** The cursor of a place, as the client gave it; undefined when it gave none. */
export type Standing = (place: string) => string | undefined;

interface Try {
  readonly name: string;
  /** What names it in a vector, when it is one stream. */
  readonly place: string;
  /** Throws the Failure that says why not. */
  grant(): Granted;
}

/** Asks for one stream of several; a refusal is found in its `opening`. */
export function attempt({ name, place, grant }: Try, company: Company): Attempt {
  try {
    const { admission, release } = grant();
    const isOne = admission.kind === "stream";
    // Whoever is cut before this stream has begun anew still stands where it stood.
    if (isOne && admission.since !== undefined) company.vector?.move(place, admission.since);
    const opening = quiet(company.open(admission, company));
    return { name, place: isOne ? place : undefined, opening, release };
  } catch (thrown) {
    return { name, place: undefined, opening: quiet(Promise.reject(thrown)), release: () => {} };
  }
}

/** Settles with whether there is anything to tell; not when the client knows all of it. Throws the first refusal when there is nothing else. */
export async function isWorthTelling(attempts: readonly Attempt[]): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const told = attempts.map(({ opening }) => opening.then(({ isOver }) => isOver || resolve(true)));
  const all = Promise.allSettled(told);
  // It settles, and never rejects.
  all.then(() => resolve(false)).catch(() => {});
  if (await promise) return true;
  const refused = (await all).find(({ status }) => status === "rejected");
  if (refused?.status !== "rejected") return false;
  for (const { release } of attempts) release();
  throw refused.reason;
}

/** A refusal may be looked at later than it is there. */
function quiet<T>(opening: Promise<T>): Promise<T> {
  // What follows it gets the reason.
  opening.catch(() => {});
  return opening;
}
