// @ts-check

/** @typedef {{ path: string, query: string }} Choice */

/**
 * What could be published under a stream's first word, so that a line can be pasted as it is. The gateway adds the name
 * from the address and the time.
 *
 * @type {Record<string, { name: string, body: object }>}
 */
const examples = {
  instances: { name: "agent-1", body: { status: "running", port: 18801, pid: 4711 } },
  messages: {
    name: "m-1",
    body: { event: "sent", from: "agent-1", to: "agent-2", message_type: "task.handoff" },
  },
  runs: { name: "r1", body: { type: "boot" } },
};

/**
 * The address of a stream below the page's own, so that the page works behind a path prefix.
 *
 * @param {string} transport
 * @param {Choice} choice
 */
export function addressOf(transport, { path, query }) {
  const url = new URL(`${transport}/${path.replaceAll("#", "%23").replaceAll("?", "%3F")}`, document.baseURI);
  url.hash = "";
  url.search = query;
  return url;
}

/**
 * Lines for a terminal, by name.
 *
 * @param {Choice} choice
 */
export function recipesFor({ path: chosen, query }) {
  const path = filled(chosen);
  const stream = query ? `${path}?${query}` : path;
  const home = new URL(".", document.baseURI).href;
  return {
    follow: `curl -N ${quoted(addressOf("sse", { path, query }).href)}`,
    publish: publishLine(path),
    listen: `skein listen ${quoted(stream)} --url ${quoted(home)}`,
  };
}

/**
 * A path with an example in the place of every name that is still to be filled in.
 *
 * @param {string} path
 */
function filled(path) {
  const [word = "", ...names] = path.split("/");
  return [word, ...names.map((name) => (name.startsWith(":") ? exampleOf(word).name : name))].join("/");
}

/** @param {string} word */
function exampleOf(word) {
  return examples[word] ?? { name: "name", body: {} };
}

/** @param {string} path */
function publishLine(path) {
  const [word = "", name] = path.split("/");
  const example = exampleOf(word);
  const { href } = addressOf("api/publish", { path: `${word}/${name || example.name}`, query: "" });
  return `curl ${quoted(href)} -d ${quoted(JSON.stringify(example.body))}`;
}

/**
 * A word as a shell takes it literally.
 *
 * @param {string} text
 */
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
