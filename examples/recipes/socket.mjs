// node examples/recipes/socket.mjs STREAM [MESSAGE]: every frame of a WebSocket, with the one that Node has; renews its token.
import { readFile } from "node:fs/promises";

const base = process.env.SKEIN ?? "http://127.0.0.1:8000";

/** The token of now: a file that somebody renews, or one that is good for as long as this runs, or none. */
async function newToken() {
  const { TOKEN, TOKEN_FILE } = process.env;
  return TOKEN_FILE ? (await readFile(TOKEN_FILE, "utf8")).trim() : TOKEN;
}

let cursor;

async function follow(stream, message) {
  const token = await newToken();
  const address = new URL(`/ws/${stream}`, base.replace("http", "ws"));
  if (cursor) address.searchParams.set("since", cursor);
  const socket = new WebSocket(address, token ? ["token", token] : []);
  const ping = setInterval(() => socket.send('{"type":"ping"}'), 30_000);
  socket.onopen = () => message && socket.send(message);
  socket.onmessage = async ({ data }) => {
    const frame = JSON.parse(data);
    cursor = frame.cursor ?? cursor;
    if (frame.type === "token_expiring") socket.send(JSON.stringify({ type: "auth", token: await newToken() }));
    console.log(data);
  };
  socket.onclose = ({ code }) => {
    clearInterval(ping);
    // 4401: a new token is asked for. The others end by themselves, or make no sense.
    const isWorthTrying = [1001, 1006, 4401, 4408, 4429].includes(code) || code >= 4500;
    if (isWorthTrying) setTimeout(follow, 1000 + 2000 * Math.random(), stream, message);
  };
}

await follow(process.argv[2], process.argv[3]);
