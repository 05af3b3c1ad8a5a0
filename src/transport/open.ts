import type { Company } from "./attempt.ts";
import type { Admission } from "./guest.ts";
import { openMany } from "./mux.ts";
import { openRooms } from "./rooms.ts";
import type { Opened } from "./script.ts";
import { openStream } from "./solo.ts";

/** Finds what was granted, whatever it is. Rejects with the Failure that says why it cannot be told. */
export function open(admission: Admission, company: Omit<Company, "open">): Promise<Opened> {
  if (admission.kind === "stream") return openStream(admission, company.guest);
  const whole: Company = { ...company, open };
  return admission.kind === "rooms" ? openRooms(admission, whole) : openMany(admission, whole);
}
