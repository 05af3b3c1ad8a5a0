import { randomBytes } from "node:crypto";
import type { Inbox, Reader, Span } from "./reader.ts";

const opText = 1;
const opClose = 8;
const opPing = 9;
const opPong = 10;

/** Cuts WebSocket frames out of a byte stream. Understands what servers send: unmasked, uncompressed, unfragmented. */
export class WebSocketReader implements Reader {
  readonly #inbox: Inbox;

  constructor(inbox: Inbox) {
    this.#inbox = inbox;
  }

  read(slab: Buffer, span: Span): void {
    let at = span.from;
    while (span.end - at >= 2) {
      const first = slab[at] as number;
      let length = slab[at + 1] as number;
      let body = at + 2;
      if (length >= 126) {
        const wide = length === 126 ? 2 : 6;
        body = at + (length === 126 ? 4 : 10);
        if (body > span.end) break;
        length = slab.readUIntBE(body - wide, wide);
      }
      if (body + length > span.end) break;
      if (first === 0x80 + opText) this.#inbox.text(slab, body, body + length);
      else this.#control(first, slab.subarray(body, body + length));
      at = body + length;
    }
    span.from = at;
  }

  #control(first: number, body: Buffer): void {
    const opcode = first & 15;
    if (opcode === opPing) this.#inbox.reply(maskedFrame(opPong, body));
    else if (opcode === opClose) {
      const code = body.length >= 2 ? body.readUInt16BE(0) : 1005;
      this.#inbox.fail(`closed by the server with ${code} ${body.toString("utf8", 2)}`);
    } else if (opcode !== opPong) this.#inbox.fail(`frame this reader does not know, first byte ${first}`);
  }
}

/** A text message as a client sends it. */
export function maskedText(text: string): Buffer {
  return maskedFrame(opText, Buffer.from(text));
}

function maskedFrame(opcode: number, body: Buffer): Buffer {
  if (body.length > 125) throw new RangeError("The load client sends short messages only");
  const mask = randomBytes(4);
  const masked = body.map((byte, at) => byte ^ (mask[at % 4] as number));
  return Buffer.concat([Buffer.from([0x80 + opcode, 0x80 + body.length]), mask, masked]);
}

/** The headers that ask for a WebSocket. */
export function upgradeHeaders(): string {
  const key = randomBytes(16).toString("base64");
  return `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n`;
}
