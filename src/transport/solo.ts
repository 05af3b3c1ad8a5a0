import type { Opening } from "../hub/past.ts";
import type { Guest, StreamAdmission } from "./guest.ts";
import type { Opened } from "./script.ts";

/** Finds one stream; its session is the script. Throws the Failure that says why it cannot be told. */
export async function openStream(
  admission: StreamAdmission,
  guest: Guest,
  told: (opening: Opening) => Opening = (opening) => opening,
): Promise<Opened> {
  const { channel, view } = admission;
  const opening = told(await guest.open(admission));
  return {
    isOver: opening.over && opening.resumed && opening.frames.length === 1 && opening.from === undefined,
    begin(outlet) {
      const session = channel.join(view, outlet);
      session.begin(opening);
      return session;
    },
  };
}
