// @ts-check
import { Column, part } from "./column.js";
import { EventFollower, SocketFollower } from "./follow.js";
import { Match } from "./match.js";
import { addressOf, recipesFor } from "./recipe.js";

/** @typedef {import("./recipe.js").Choice} Choice */
/** @typedef {import("./match.js").Side} Side */
/** @typedef {{ path: string, description?: string, query?: string[] | Record<string, string> }} Stream */

const verdictEveryMs = 500;
const words = {
  waiting: "Waiting for frames",
  same: "Byte for byte the same",
  different: "Not the same",
  error: "Error",
};

const columns = { sse: new Column(part(document, "#sse")), ws: new Column(part(document, "#ws")) };
const pathField = /** @type {HTMLInputElement} */ (part(document, "#path"));
const queryField = /** @type {HTMLInputElement} */ (part(document, "#query"));

/** @type {Stream[]} */
let streams = [];
let match = new Match();
/** @type {string | undefined} */
let blank;
/** @type {{ stop(): void }[]} */
let followers = [];
let isDrawing = false;

/** The choice that the address of the page carries, so that it can be passed on. */
function chosen() {
  const [path = "", ...query] = location.hash.slice(1).split("?");
  return { path, query: query.join("?") };
}

/** @param {Choice} choice */
function choose({ path, query }) {
  const hash = query ? `#${path}?${query}` : `#${path}`;
  if (location.hash === hash) follow();
  else location.hash = hash;
}

/** Follows what the address of the page says, over both transports. */
function follow() {
  for (const follower of followers) follower.stop();
  followers = [];
  const choice = chosen();
  describe(choice);
  match = new Match();
  for (const column of Object.values(columns)) column.clear();
  blank = choice.path.split("/").find((segment) => segment.startsWith(":"));
  drawVerdict();
  if (blank) return askFor(blank);
  followers = [
    new EventFollower(addressOf("sse", choice), listenerOf("sse")),
    new SocketFollower(addressOf("ws", choice), listenerOf("ws")),
  ];
}

/**
 * Puts the cursor on the part of the path that is still to be filled in.
 *
 * @param {string} name
 */
function askFor(name) {
  for (const column of Object.values(columns)) column.show("idle", "");
  const at = pathField.value.indexOf(name);
  pathField.focus();
  pathField.setSelectionRange(at, at + name.length);
}

/** @param {Side} side */
function listenerOf(side) {
  const current = match;
  const column = columns[side];
  return {
    /** @param {import("./frame.js").Frame} frame */
    frame(frame) {
      current.add(side, frame);
      column.add(frame);
      if (!isDrawing) requestAnimationFrame(draw);
      isDrawing = true;
    },
    /** @type {import("./follow.js").Listener["state"]} */
    state: (state, detail) => column.show(state, detail),
  };
}

function draw() {
  isDrawing = false;
  for (const column of Object.values(columns)) column.draw();
}

function drawVerdict() {
  const { state, pairs, single, fault } = match.verdict;
  part(document, "#verdict").dataset.state = blank ? "idle" : state;
  const word = part(document, "#verdict-word");
  const said = blank ? `Fill in ${blank} to follow it` : words[state];
  // Said aloud by screen readers at every change, so changed only when it is another word.
  if (word.textContent !== said) word.textContent = said;
  const details = [
    fault,
    pairs > 0 ? `${pairs.toLocaleString()} on both sides` : "",
    single > 0 ? `${single} on one side only` : "",
  ];
  part(document, "#verdict-detail").textContent = details.filter(Boolean).join(" · ");
}

/** @param {Choice} choice */
function describe(choice) {
  const stream = streams.find(({ path }) => isOf(choice.path, path));
  const names = Array.isArray(stream?.query) ? stream.query : Object.keys(stream?.query ?? {});
  pathField.value = choice.path;
  queryField.value = choice.query;
  queryField.placeholder = names.map((name) => `${name}=…`).join("&") || "none";
  part(document, "#description").textContent = stream?.description ?? "";
  document.title = choice.path ? `${choice.path} · Skein` : "Skein";
  for (const [name, line] of Object.entries(recipesFor(choice))) {
    part(document, `#recipe-${name}`).textContent = line;
  }
  for (const link of document.querySelectorAll("#streams a")) {
    if (link.getAttribute("data-path") === stream?.path) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/**
 * Whether a path is one of a stream's, whose `:name` segments stand for anything.
 *
 * @param {string} path
 * @param {string} pattern
 */
function isOf(path, pattern) {
  const segments = path.split("/");
  const wanted = pattern.split("/");
  return wanted.length === segments.length && wanted.every((one, i) => one.startsWith(":") || one === segments[i]);
}

/** @param {Stream} stream */
function linkTo({ path, description = "" }) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  const about = document.createElement("small");
  link.href = `#${path}`;
  link.dataset.path = path;
  link.textContent = path;
  about.textContent = description;
  link.append(about);
  item.append(link);
  return item;
}

/** Lists the streams; false when the gateway wants to know who asks. */
async function listStreams() {
  const fault = part(document, "#streams-fault");
  try {
    const answer = await fetch(new URL("api/streams", document.baseURI));
    part(document, "#identity").hidden = answer.status !== 401;
    if (answer.status === 401) return false;
    if (!answer.ok) throw new Error(await reasonIn(answer));
    ({ streams } = await answer.json());
    part(document, "#streams").replaceChildren(...streams.map(linkTo));
  } catch (error) {
    fault.hidden = false;
    fault.textContent = `The list of streams did not come: ${error instanceof Error ? error.message : error}`;
  }
  return true;
}

/** Leaves a token to the browser, where no script of any page reads it again. */
async function signIn() {
  const field = /** @type {HTMLInputElement} */ (part(document, "#token"));
  const fault = part(document, "#identity-fault");
  const headers = { Authorization: `Bearer ${field.value.trim()}` };
  field.value = "";
  const answer = await fetch(new URL("api/session", document.baseURI), { method: "POST", headers });
  fault.hidden = answer.ok;
  if (answer.ok) await begin();
  else fault.textContent = await reasonIn(answer);
}

/** @param {Response} answer */
async function reasonIn(answer) {
  const { message = `HTTP ${answer.status}` } = await answer.json().catch(() => ({}));
  return message;
}

/** Shows what the address of the page says, once the gateway lets us. */
async function begin() {
  if (!(await listStreams())) return;
  if (chosen().path) follow();
  else choose({ path: streams[0]?.path ?? "instances", query: "" });
}

/** @param {HTMLElement} button */
function makeCopy(button) {
  // Browsers give the clipboard only to pages from this machine or over TLS.
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(part(document, `#${button.dataset.copies}`).textContent ?? "");
    button.textContent = "Copied";
    setTimeout(() => {
      button.textContent = "Copy";
    }, 1500);
  });
}

part(document, "#choice").addEventListener("submit", (event) => {
  event.preventDefault();
  choose({ path: pathField.value.trim().replace(/^\/+/, ""), query: queryField.value.trim().replace(/^\?/, "") });
});
part(document, "#identity").addEventListener("submit", (event) => {
  event.preventDefault();
  signIn();
});
part(document, "#whole").addEventListener("change", ({ target }) => {
  part(document, "#columns").classList.toggle("whole", target instanceof HTMLInputElement && target.checked);
});
for (const button of document.querySelectorAll("button[data-copies]")) {
  if (button instanceof HTMLElement) makeCopy(button);
}
addEventListener("hashchange", follow);
setInterval(drawVerdict, verdictEveryMs);
await begin();
