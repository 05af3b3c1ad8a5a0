const key = "skein.runs";
const most = 12;

/** The ids of the runs that this browser looked at, the newest first. Empty where the browser keeps nothing. */
export function recentRuns(storage: Pick<Storage, "getItem"> | undefined = storageOfPage()): readonly string[] {
  try {
    const kept: unknown = JSON.parse(storage?.getItem(key) ?? "[]");
    return Array.isArray(kept) ? kept.filter((id): id is string => typeof id === "string").slice(0, most) : [];
  } catch {
    return [];
  }
}

/** Remembers a run as the one that was looked at last. Does nothing where the browser keeps nothing. */
export function rememberRun(
  id: string,
  storage: Pick<Storage, "getItem" | "setItem"> | undefined = storageOfPage(),
): void {
  const others = recentRuns(storage).filter((other) => other !== id);
  try {
    storage?.setItem(key, JSON.stringify([id, ...others].slice(0, most)));
  } catch {
    // A full or forbidden storage is no reason not to show a run.
  }
}

/** Even to ask for it throws where the browser forbids it. */
function storageOfPage(): Storage | undefined {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined;
  }
}
