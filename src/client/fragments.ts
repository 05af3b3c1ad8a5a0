import DOMPurify from "dompurify";
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
 * replaced are kept. Of a piece only what is on an allow-list comes into the page: ordinary markup, nothing that runs, is styled, is a
 * document of its own or sends a form.
 */
export function showFragments(
  skein: Skein,
  root: Document | Element = document,
  { sanitize }: FragmentOptions = {},
): Stop {
  const clean: Clean = sanitize ? (html) => [...parsed(sanitize(html)).children] : allowList();
  const shown = new Map<Element, Stop>();
  const look = () => {
    const wanted = new Set(root.querySelectorAll(`[${attribute}]`));
    for (const [place, stop] of shown) {
      if (wanted.has(place)) continue;
      shown.delete(place);
      stop();
    }
    for (const place of wanted) if (!shown.has(place)) shown.set(place, showIn(skein, { root, place, clean }));
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

/** How pieces of pages are shown. */
export interface FragmentOptions {
  /** Gives HTML that may be put into the page. Default: what the allow-list leaves. */
  readonly sanitize?: (html: string) => string;
}

/** Makes elements of HTML that may be put into the page. */
type Clean = (html: string) => Element[];

const attribute = "data-skein-live";

interface Place {
  readonly root: Document | Element;
  readonly place: Element;
  readonly clean: Clean;
}

function showIn(skein: Skein, { root, place, clean }: Place): Stop {
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
      const [piece] = clean(html);
      if (!piece) continue;
      const at = added.indexOf(target);
      if (at >= 0) added[at] = piece;
      keepPlace(target, piece);
    }
    if (targets.length === 0) clean(html).forEach(add);
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

/** Text, lists, tables, pictures, what a progress looks like, and controls without a form to send them by. */
const tags = [
  ..."a abbr address article aside b blockquote br button caption cite code col colgroup dd del details dfn div dl dt em".split(
    " ",
  ),
  ..."figcaption figure footer h1 h2 h3 h4 h5 h6 header hr i img input ins kbd label li main mark meter nav ol optgroup".split(
    " ",
  ),
  ..."option output p pre progress q s samp section select small span strong sub summary sup table tbody td textarea".split(
    " ",
  ),
  ..."tfoot th thead time tr u ul var wbr".split(" "),
];

const attributes = [
  ..."alt checked class cols colspan datetime dir disabled for headers height hidden high href hreflang id label lang".split(
    " ",
  ),
  ..."loading low max maxlength min multiple open optimum placeholder readonly reversed role rows rowspan scope".split(
    " ",
  ),
  ..."selected size span src start step tabindex title type value width".split(" "),
];

/** Relative, or of the web, mail and telephone; never a script or a document of its own. */
const addresses = /^(?:(?:https?|mailto|tel):|[^a-z]|[a-z+.-]+(?:[^a-z+.\-:]|$))/i;

/** Attributes for data that libraries take for orders. */
const orders = /^data-(?:action|bs|controller|hx|method|on|remote|skein|turbo|ujs)(?:$|[-:])/;

/** Makes elements of HTML, as far as it is on the lists above, and with its attributes `aria-…` and `data-…`. */
function allowList(): Clean {
  const purify = DOMPurify(window);
  purify.addHook("uponSanitizeAttribute", (_element, attribute) => {
    if (orders.test(attribute.attrName)) attribute.keepAttr = false;
  });
  const lists = { ALLOWED_TAGS: tags, ALLOWED_ATTR: attributes, ALLOWED_URI_REGEXP: addresses };
  return (html) => {
    const content = parsed(html);
    // A row of a table is lost where HTML is parsed without its table, so it is cleaned where it was parsed.
    const box = content.ownerDocument.createElement("div");
    box.append(content);
    purify.sanitize(box, { ...lists, IN_PLACE: true });
    return [...box.children];
  };
}

/** HTML as a template has it: nothing is loaded and nothing happens. */
function parsed(html: string): DocumentFragment {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

/** Takes an element away after a time; while somebody points at it or is in it, it stays. */
function vanish(piece: Element, seconds: number): void {
  setTimeout(() => {
    if (piece.matches(":hover, :focus-within")) vanish(piece, 1);
    else piece.remove();
  }, seconds * 1000);
}
