/** Where the page is: what stands after the `#` of its address, such as `#/logs/agent-1?search=x`. */
export interface Place {
  /** The name of the view; empty when the address names none. */
  readonly view: string;
  /** The segments after the view's name, decoded. */
  readonly path: readonly string[];
  /** A copy; `change` or `set` changes the address. */
  readonly query: URLSearchParams;
  /** Replaces the query. It is no step in the browser's history: going back leads to another place, not to another filter. */
  change(query: URLSearchParams): void;
  /** Replaces some parameters of the query; `undefined` and `""` take one away. */
  set(changes: Readonly<Record<string, string | undefined>>): void;
}

/** The address of a place in this page, for links. Segments and values are encoded. */
export function hrefTo(path: readonly string[], query: Readonly<Record<string, string>> = {}): string {
  const search = new URLSearchParams(query).toString();
  return `#/${path.map(encodeURIComponent).join("/")}${search ? `?${search}` : ""}`;
}

/** The place of this page. It follows the address as long as the page lives. */
export function placeOfPage(): Place {
  let hash = $state(location.hash);
  addEventListener("hashchange", () => {
    hash = location.hash;
  });
  const segments = $derived(segmentsOf(hash));
  const search = $derived(hash.split("?").slice(1).join("?"));
  const change = (query: URLSearchParams) => {
    const said = query.toString();
    const next = `${hash.split("?")[0] || "#/"}${said ? `?${said}` : ""}`;
    history.replaceState(history.state, "", next);
    hash = next;
  };
  return {
    get view() {
      return segments[0] ?? "";
    },
    get path() {
      return segments.slice(1);
    },
    get query() {
      return new URLSearchParams(search);
    },
    change,
    set(changes) {
      const query = new URLSearchParams(search);
      for (const [name, value] of Object.entries(changes)) {
        if (value) query.set(name, value);
        else query.delete(name);
      }
      change(query);
    },
  };
}

function segmentsOf(hash: string): readonly string[] {
  const [path = ""] = hash.replace(/^#\/?/, "").split("?");
  return path.split("/").filter(Boolean).map(decoded);
}

/** A segment that somebody typed may hold a `%` of its own. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
