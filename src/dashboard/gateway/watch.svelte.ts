import { ApiError, get } from "../api.ts";
import { extended, type History, noHistory } from "./history.ts";
import type { Report } from "./report.ts";

const everyMs = 2000;

/** How many connections are asked for. */
export const mostRows = 500;

/** A gateway that is looked at again and again. */
export interface Watched {
  readonly history: History;
  /** Why the last look saw nothing. */
  readonly fault: ApiError | undefined;
}

/** Looks at the gateway every two seconds, while the component lives that calls it and somebody can see the page. */
export function watchGateway(): Watched {
  let history = $state.raw(noHistory);
  let fault = $state.raw<ApiError>();
  const look = async () => {
    try {
      history = extended(history, await get<Report>(`api/gateway?limit=${mostRows}`));
      fault = undefined;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      fault = error;
    }
  };
  $effect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;
    const go = async () => {
      clearTimeout(timer);
      if (isOver || document.hidden) return;
      await look();
      clearTimeout(timer);
      timer = setTimeout(go, everyMs);
    };
    document.addEventListener("visibilitychange", go);
    void go();
    return () => {
      isOver = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", go);
    };
  });
  return {
    get history() {
      return history;
    },
    get fault() {
      return fault;
    },
  };
}
