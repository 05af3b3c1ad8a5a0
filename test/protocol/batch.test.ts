import { createParser } from "eventsource-parser";
import { expect, test } from "vitest";
import { Batch } from "../../src/protocol/batch.ts";
import { Frame } from "../../src/protocol/frame.ts";

const lengths = [0, 1, 90, 125, 126, 127, 65_000, 65_535, 65_536, 200_000];
const frames = lengths.map(
  (length, i) => new Frame({ type: "t", text: "é".repeat(length) }, i % 2 ? undefined : at(i)),
);

function at(position: number) {
  return { epoch: "e", position, part: 0 };
}

/** The messages in unmasked WebSocket bytes, read by the letter of RFC 6455. */
function messagesIn(bytes: Buffer): string[] {
  const messages: string[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    expect(bytes[offset]).toBe(0x81);
    const short = bytes[offset + 1] ?? 0;
    const size = short < 126 ? 2 : short === 126 ? 4 : 10;
    const length =
      short < 126 ? short : short === 126 ? bytes.readUInt16BE(offset + 2) : Number(bytes.readBigUInt64BE(offset + 2));
    messages.push(bytes.toString("utf8", offset + size, offset + size + length));
    offset += size + length;
  }
  return messages;
}

test("Each frame is one WebSocket text message, whatever its length", () => {
  expect(messagesIn(Buffer.from(new Batch(frames).ws))).toEqual(frames.map(({ json }) => json));
});

test("Each frame is one Server-Sent Event, with an id when it has a cursor", () => {
  const events: { id: string | undefined; data: string }[] = [];
  const parser = createParser({ onEvent: ({ id, data }) => events.push({ id, data }) });
  parser.feed(Buffer.from(new Batch(frames).sse).toString());
  expect(events).toEqual(frames.map(({ json, cursor }) => ({ id: cursor, data: json })));
});

test("A chunk is the events with their size before and a line end behind", () => {
  const { chunk, sse } = new Batch(frames);
  expect(
    Buffer.from(chunk).equals(Buffer.concat([Buffer.from(`${sse.length.toString(16)}\r\n`), sse, Buffer.from("\r\n")])),
  ).toBe(true);
});

test("Every form is made once", () => {
  const batch = new Batch(frames);
  const { ws, sse, chunk } = batch;
  expect(batch.ws).toBe(ws);
  expect(batch.sse).toBe(sse);
  expect(batch.chunk).toBe(chunk);
});
