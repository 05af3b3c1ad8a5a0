import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { installed } from "../support/installed.ts";
import { opcodes, rawFrame } from "../support/raw-frame.ts";
import { Wire } from "../support/wire.ts";

/** How a conversation ends: the connection goes on, waits for the rest of something, or was closed with a code. */
export type Outcome = "lives" | "waits" | number;

const lastPing = Buffer.from("still there?");

/** What comes after every conversation; whoever is still there answers it. */
const last = rawFrame({ opcode: opcodes.ping, payload: lastPing });

const python = { variable: "PYTHON_BIN", names: ["python3"], debian: "python3-wsproto" };
const oracle = fileURLToPath(new URL("oracle.py", import.meta.url));

/** How the other implementation ends conversations. Throws an Error that says how to install it. */
export function oracleOutcomes(conversations: readonly Buffer[]): Outcome[] {
  const input = conversations.map((bytes) => `${Buffer.concat([bytes, last]).toString("hex")}\n`).join("");
  const { stdout, stderr, status } = spawnSync(installed(python), [oracle], { input, maxBuffer: 2 ** 28 });
  if (status === 0)
    return String(stdout)
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Outcome);
  throw new Error(
    `These tests need wsproto: \`apt-get install python3-wsproto\`, and PYTHON_BIN where it is\n${stderr}`,
  );
}

/** How a gateway ends a conversation, sent in these pieces. */
export async function gatewayOutcome(port: number, pieces: readonly Buffer[]): Promise<Outcome> {
  using wire = new Wire(port);
  await wire.send(handshake);
  await wire.until(({ text }) => text.includes("\r\n\r\n"));
  for (const piece of pieces) {
    await wire.send(piece);
    await new Promise(setImmediate);
  }
  // The gateway reads in order: the end of the connection comes after everything that was said.
  wire.socket.end(last);
  await wire.closed;
  return outcomeIn(wire.bytes.subarray(wire.bytes.indexOf("\r\n\r\n") + 4));
}

const handshake = [
  "GET /ws/instances HTTP/1.1",
  "Host: 127.0.0.1",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "\r\n",
].join("\r\n");

function outcomeIn(bytes: Buffer): Outcome {
  let outcome: Outcome = "waits";
  for (const { opcode, payload } of framesIn(bytes)) {
    if (opcode === opcodes.close) return payload.length < 2 ? 1005 : payload.readUInt16BE(0);
    if (opcode === opcodes.pong && payload.equals(lastPing)) outcome = "lives";
  }
  return outcome;
}

/** The frames that a server sent, which are never masked. */
function* framesIn(bytes: Buffer): Generator<{ opcode: number; payload: Buffer }> {
  for (let at = 0; at + 2 <= bytes.length; ) {
    const short = bytes.readUInt8(at + 1);
    const width = { 126: 2, 127: 8 }[short] ?? 0;
    const length = width === 0 ? short : bytes.readUIntBE(at + 2 + (width === 8 ? 2 : 0), width === 8 ? 6 : 2);
    const from = at + 2 + width;
    yield { opcode: bytes.readUInt8(at) & 15, payload: bytes.subarray(from, from + length) };
    at = from + length;
  }
}
