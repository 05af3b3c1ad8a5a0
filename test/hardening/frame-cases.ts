import { deflateRawSync } from "node:zlib";
import type { Dice } from "../support/dice.ts";
import { closing, opcodes, type RawFrame, rawFrame } from "../support/raw-frame.ts";

/** A handshake and frames, some of it wrong, in the pieces in which it is sent. */
export function frameCase(dice: Dice): Buffer[] {
  const handshake = dice.chance(0.25) ? spoiledHandshake(dice) : handshakeOf(goodHandshake(dice));
  const frames = dice.many(dice.whole(1, 8), () => someFrames(dice)).flat();
  const bytes = Buffer.concat(frames);
  return dice.split(Buffer.concat([handshake, dice.chance(0.1) ? dice.mangled(bytes) : bytes]));
}

const targets = [
  "/ws/instances",
  "/ws/instances?include_archived=true",
  "/ws/messages?recent=5",
  "/ws/runs/r1",
  "/ws/instances/a/logs",
  "/ws/nothing",
  "/ws/",
  "/ws/runs/%ff",
  "/ws/instances?since=x",
  "/",
];

interface Handshake {
  readonly line: string;
  readonly headers: readonly (readonly [string, string])[];
}

/** A handshake (RFC 6455, section 4.1) that should succeed. */
function goodHandshake(dice: Dice): Handshake {
  const key = dice.bytes(16).toString("base64");
  return {
    line: `GET ${dice.pick(targets)} HTTP/1.1`,
    headers: [
      ["Host", "127.0.0.1"],
      ["Upgrade", dice.pick(["websocket", "WebSocket"])],
      ["Connection", dice.pick(["Upgrade", "keep-alive, upgrade"])],
      ["Sec-WebSocket-Version", "13"],
      ["Sec-WebSocket-Key", key],
    ],
  };
}

const oddHeaders: readonly (readonly [string, string])[] = [
  ["Sec-WebSocket-Version", "12"],
  ["Sec-WebSocket-Version", "13.0"],
  ["Sec-WebSocket-Key", "short"],
  ["Sec-WebSocket-Key", "x".repeat(24)],
  ["Sec-WebSocket-Key", "=".repeat(24)],
  ["Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"],
  ["Sec-WebSocket-Extensions", 'permessage-deflate; client_max_window_bits=99; x="\\'],
  ["Sec-WebSocket-Extensions", ";,;=,"],
  ["Sec-WebSocket-Protocol", "token, abc"],
  ["Sec-WebSocket-Protocol", "token"],
  ["Sec-WebSocket-Protocol", ",,"],
  ["Sec-WebSocket-Protocol", "a, a"],
  ["Upgrade", "h2c"],
  ["Upgrade", "websocket, websocket"],
  ["Connection", "close"],
  ["Origin", "https://evil.example"],
  ["Origin", "null"],
  ["Origin", "http://127.0.0.1"],
  ["Authorization", "Bearer"],
  ["Authorization", "Bearer a.b.c"],
  ["Cookie", "skein_session=a.b.c; skein_session=d"],
  ["Content-Length", "5"],
  ["Transfer-Encoding", "chunked"],
  ["Host", "evil.example"],
  ["Last-Event-ID", "\x80\xff"],
  ["X-Forwarded-For", "1.2.3.4, , ::1%lo, x"],
  ["Expect", "100-continue"],
];

function spoiledHandshake(dice: Dice): Buffer {
  const { line, headers } = goodHandshake(dice);
  const odd = dice.pick(oddHeaders);
  const [name] = odd;
  const without = dice.pick(headers);
  const spoil: readonly (() => Buffer)[] = [
    () => handshakeOf({ line, headers: [...headers, odd] }),
    () => handshakeOf({ line, headers: [odd, ...headers.filter(([other]) => other !== name)] }),
    () => handshakeOf({ line, headers: headers.filter((one) => one !== without) }),
    () => handshakeOf({ line: line.replace("GET", dice.pick(["POST", "HEAD", "PUT", "CONNECT", "get"])), headers }),
    () => handshakeOf({ line: line.replace("1.1", dice.pick(["1.0", "2.0", "0.9", "1.11", ""])), headers }),
    () => dice.mangled(handshakeOf({ line, headers })),
    () => dice.mangled(dice.mangled(handshakeOf({ line, headers }))),
  ];
  return dice.pick(spoil)();
}

function handshakeOf({ line, headers }: Handshake): Buffer {
  const head = [line, ...headers.map(([name, value]) => `${name}: ${value}`)];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n`, "latin1");
}

const messages = [
  '{"type":"ping"}',
  '{"type":"set_include_archived","value":true}',
  '{"type":"set_include_archived","value":"yes"}',
  '{"type":"set_include_archived"}',
  '{"type":"auth","token":"a.b.c"}',
  '{"type":"auth"}',
  '{"type":"subscribe","stream":"runs/r1"}',
  '{"type":"unsubscribe"}',
  '{"type":"__proto__"}',
  '{"type":"constructor"}',
  '{"type":{}}',
  '{"__proto__":{"type":"ping"}}',
  "[]",
  "null",
  "",
  "{",
  `${"[".repeat(5000)}`,
  `{"type":"ping","x":"${"y".repeat(70_000)}"}`,
  `{"type":"${"z".repeat(3000)}"}`,
  '"\\ud800"',
  "1e999",
];

const invalidUtf8 = ["\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80", '{"type":"\xfe"}'];

/** One frame or a few that belong together. */
function someFrames(dice: Dice): Buffer[] {
  const text = Buffer.from(dice.chance(0.85) ? dice.pick(messages) : dice.pick(invalidUtf8), "latin1");
  return dice.pick(dice.chance(0.4) ? [goodFrames] : spoilers)(dice, text);
}

type Make = (dice: Dice, text: Buffer) => Buffer[];

const goodFrames: Make = (dice, text) => {
  const control = { payload: dice.bytes(dice.whole(0, 125)) };
  return [
    rawFrame(
      dice.pick<RawFrame>([
        { opcode: opcodes.text, payload: text, mask: dice.bytes(4) },
        { opcode: opcodes.text, payload: Buffer.from('{"type":"ping"}') },
        { opcode: opcodes.ping, ...control },
        { opcode: opcodes.pong, ...control },
      ]),
    ),
  ];
};

const codes = [0, 1, 999, 1000, 1001, 1004, 1005, 1006, 1007, 1011, 1015, 1016, 2999, 3000, 4000, 4999, 5000, 65_535];
const lengths = [0n, 1n, 126n, 65_535n, 65_536n, 65_537n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];

const bomb = deflateRawSync(Buffer.alloc(2 ** 24), { level: 9 });

const spoilers: readonly Make[] = [
  (dice, payload) => [rawFrame({ opcode: dice.whole(0, 15), payload, reserved: dice.whole(0, 7) })],
  (dice, payload) => [rawFrame({ opcode: opcodes.text, payload, reserved: dice.whole(1, 7) })],
  (dice, payload) => [rawFrame({ opcode: dice.pick([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]), payload })],
  (dice, payload) => [rawFrame({ opcode: dice.pick([1, 2, 8, 9]), payload, mask: undefined })],
  (dice, payload) => [rawFrame({ opcode: dice.pick([1, 9]), payload: payload.subarray(0, 99), lengthBits: 16 })],
  (dice, payload) => [rawFrame({ opcode: dice.pick([1, 9]), payload, lengthBits: 64 })],
  (dice, payload) => [rawFrame({ opcode: dice.pick([0, 1, 2, 8, 9]), payload, claimed: dice.pick(lengths) })],
  (dice) => [rawFrame({ opcode: dice.pick([8, 9, 10]), payload: dice.bytes(dice.whole(126, 300)) })],
  (dice) => [rawFrame({ opcode: dice.pick([8, 9, 10]), payload: dice.bytes(5), fin: false })],
  (dice, payload) => [rawFrame({ opcode: opcodes.continuation, payload, fin: dice.chance(0.5) })],
  (_, payload) => [rawFrame({ opcode: opcodes.binary, payload })],
  (dice) => [rawFrame({ opcode: opcodes.text, payload: dice.bytes(dice.whole(0, 200)) })],
  (dice) => [rawFrame({ opcode: opcodes.close, payload: closing(dice.pick(codes), dice.bytes(dice.whole(0, 123))) })],
  (dice) => [rawFrame({ opcode: opcodes.close, payload: dice.bytes(dice.whole(0, 2)) })],
  (dice) => [rawFrame({ opcode: opcodes.close, payload: closing(dice.pick(codes), "bye") })],
  () => [rawFrame({ opcode: opcodes.text, payload: bomb, reserved: 4 })],
  (_, payload) => [rawFrame({ opcode: opcodes.text, payload: deflateRawSync(payload), reserved: 4 })],
  (dice, payload) => fragments(dice, payload),
  (dice, payload) => interleaved(dice, fragments(dice, payload)),
  (dice, payload) => [...fragments(dice, payload).slice(0, -1), rawFrame({ opcode: opcodes.text, payload })],
  (dice) => [dice.bytes(dice.whole(1, 64))],
  (dice) => dice.many(600, () => rawFrame({ opcode: opcodes.ping, payload: Buffer.from("flood") })),
  (dice) => dice.many(300, () => rawFrame({ opcode: opcodes.continuation, payload: Buffer.alloc(0), fin: false })),
  (dice) => fragments(dice, Buffer.alloc(70_000, 0x20)),
];

/** A message in fragments, cut anywhere, inside a character too. */
function fragments(dice: Dice, payload: Buffer): Buffer[] {
  const pieces = dice.many(dice.whole(2, 5), () => payload.subarray(0, 0));
  const size = Math.ceil(payload.length / pieces.length);
  return pieces.map((_, i) =>
    rawFrame({
      opcode: i === 0 ? opcodes.text : opcodes.continuation,
      payload: payload.subarray(i * size, (i + 1) * size),
      fin: i === pieces.length - 1,
    }),
  );
}

/** Control frames between fragments, which is allowed, and sometimes a message, which is not. */
function interleaved(dice: Dice, frames: readonly Buffer[]): Buffer[] {
  const between = { payload: Buffer.from("between"), fin: dice.chance(0.9) };
  return frames.flatMap((frame) => [frame, rawFrame({ opcode: dice.pick([9, 9, 10, 10, 1, 2]), ...between })]);
}
