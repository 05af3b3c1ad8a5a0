import type { Status } from "./skein.ts";

/** Says how a connection is doing, and nothing twice. */
export function herald(tell: (status: Status) => void): (status: Status) => void {
  let told = "";
  return (status) => {
    const text = JSON.stringify(status);
    if (text !== told) tell(status);
    told = text;
  };
}
