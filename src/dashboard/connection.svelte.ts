import { connect, type Skein, type Status } from "../client/index.ts";

/** A connection of the page to its gateway, and how it is doing. */
export interface Connection {
  readonly skein: Skein;
  readonly status: Status;
  close(): void;
}

/** Connects to the gateway that the page came from. It carries every stream of every view. */
export function connectPage(): Connection {
  const skein = connect(new URL(".", document.baseURI).href);
  let status = $state.raw(skein.status);
  const unheard = skein.onStatus((now) => {
    status = now;
  });
  return {
    skein,
    get status() {
      return status;
    },
    close() {
      unheard();
      skein.close();
    },
  };
}
