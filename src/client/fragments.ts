import type { AnyFrame } from "./frames.ts";
import { keepPlace } from "./keep-place.ts";
import type { Skein, Stop } from "./skein.ts";

/**
 * Shows pieces of a page where a page says so, now and wherever it says so later:
 * `<section data-skein-live="live/campaigns"></section>`.
 *
 * A piece that stands for something (`refresh_target`) replaces it, wherever in `root` it is. One that stands for nothing, or for
 * nothing that is there, is added to the element. Elements that leave the page stop following.
 *
 * | attribute | |
 * |---|---|
 * | `data-skein-live` | the stream's name, with its query if there is one: `live/agents?recent=50` |
 * | `data-skein-add` | where pieces are added: `end`, or `start`. Default: `end` |
 * | `data-skein-most` | how many of the added pieces are kept, the newest. Default: 100, of toasts 5 |
 * | `data-skein-seconds` | how long an added piece stays, unless it is pointed at or has the focus. Default: for good, of toasts 8 |
 *
 * Added toasts are announced politely (`aria-live`), unless the element says otherwise itself. The focus and scrolled places in what is
 * replaced are kept. Nothing in a piece is run: scripts, attributes for events and `javascript:` addresses are left out.
 */
export function showFragments(skein: Skein, root: Document | Element = document): Stop {
  const shown = new Map<Element, Stop>();
  const look = () => {
    const wanted = new Set(root.querySelectorAll(`[${attribute}]`));
    for (const [place, stop] of shown) {
      if (wanted.has(place)) continue;
      shown.delete(place);
      stop();
    }
    for (const place of wanted) if (!shown.has(place)) shown.set(place, showIn(skein, { root, place }));
  };
  const observer = new MutationObserver(look);
  observer.observe(root, { childList: true, subtree: true, attributes: true, attributeFilter: [attribute] });
  look();
  return () => {
    observer.disconnect();
    for (const stop of shown.values()) stop();
    shown.clear();
  };
}

const attribute = "data-skein-live";

interface Place {
  readonly root: Document | Element;
  readonly place: Element;
}

function showIn(skein: Skein, { root, place }: Place): Stop {
  const name = place.getAttribute(attribute) ?? "";
  const isToasts = /^live\/toasts\b/.test(name);
  const most = whole(place, "data-skein-most", isToasts ? 5 : 100);
  const seconds = whole(place, "data-skein-seconds", isToasts ? 8 : 0);
  const isFirst = place.getAttribute("data-skein-add") === "start";
  if (isToasts && !place.hasAttribute("aria-live") && !place.hasAttribute("role")) place.ariaLive = "polite";
  /** What was added, the oldest first. */
  const added: Element[] = [];
  const add = (piece: Element) => {
    place[isFirst ? "prepend" : "append"](piece);
    added.push(piece);
    for (const old of added.splice(0, Math.max(0, added.length - most))) old.remove();
    if (seconds > 0) vanish(piece, seconds);
  };
  const show = ({ html, refresh_target, count }: AnyFrame) => {
    // The newest pieces come anew: those that were added before would be there twice.
    if (typeof count === "number" && count > 0) for (const old of added.splice(0)) old.remove();
    if (typeof html !== "string") return;
    const targets = typeof refresh_target === "string" ? matches(root, refresh_target) : [];
    for (const target of targets) {
      const [piece] = piecesOf(html);
      if (!piece) continue;
      const at = added.indexOf(target);
      if (at >= 0) added[at] = piece;
      keepPlace(target, piece);
    }
    if (targets.length === 0) piecesOf(html).forEach(add);
  };
  return skein.stream(name).onFrame(show);
}

function whole(place: Element, name: string, otherwise: number): number {
  const text = place.getAttribute(name);
  return text !== null && /^\d{1,6}$/.test(text) ? Number(text) : otherwise;
}

/** What a selector means; nothing when it is none. */
function matches(root: Document | Element, selector: string): Element[] {
  try {
    return [...root.querySelectorAll(selector)];
  } catch {
    return [];
  }
}

/** The elements of some HTML, without anything that would run. In a template nothing is loaded and nothing happens. */
function piecesOf(html: string): Element[] {
  const template = document.createElement("template");
  template.innerHTML = html;
  for (const element of template.content.querySelectorAll("*")) {
    if (element.localName === "script") element.remove();
    for (const { name, value } of [...element.attributes]) if (runs(name, value)) element.removeAttribute(name);
  }
  return [...template.content.children];
}

function runs(name: string, value: string): boolean {
  // Browsers skip white space and control characters in an address.
  return /^on|^srcdoc$/i.test(name) || /^javascript:/i.test(value.replace(/[\s\p{Cc}]/gu, ""));
}

/** Takes an element away after a time; while somebody points at it or is in it, it stays. */
function vanish(piece: Element, seconds: number): void {
  setTimeout(() => {
    if (piece.matches(":hover, :focus-within")) vanish(piece, 1);
    else piece.remove();
  }, seconds * 1000);
}
