import type { Dice } from "../support/dice.ts";
import { closing, opcodes, type RawFrame, rawFrame } from "../support/raw-frame.ts";

const { continuation, text, binary, close, ping, pong } = opcodes;

/** Frames of a conversation in which two implementations must agree, in the pieces in which they are sent. */
export function sequence(dice: Dice): Buffer[] {
  const some = dice.many(dice.whole(1, 7), () => (dice.chance(0.7) ? dice.pick(good) : dice.pick(bad))(dice)).flat();
  return dice.split(Buffer.concat(some.map(rawFrame)));
}

type Make = (dice: Dice) => RawFrame[];

const texts = ['{"type":"ping"}', '{"type":"ping","x":"€ü😀"}', ' { "type" : "ping" } ', '{"x":[1],"type":"ping"}'];
const messages = [
  ...texts,
  ...texts,
  "{",
  "[]",
  "",
  "null",
  '{"type":1}',
  `{"type":"ping","x":"${"y".repeat(70_000)}"}`,
];
const invalid = ["\xff", "a\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"];
const said = [1000, 1001, 1003, 1007, 1011, 3000, 4000, 4999];
const unsaid = [0, 999, 1004, 1005, 1006, 1015, 1016, 2999];

const whole: Make = (dice) => [{ opcode: text, payload: Buffer.from(dice.pick(texts)), mask: dice.bytes(4) }];

const inFragments: Make = (dice) => {
  const payload = Buffer.from(dice.pick(texts));
  const cuts = [
    0,
    ...dice.many(dice.whole(1, 4), () => dice.whole(0, payload.length)).sort((a, b) => a - b),
    payload.length,
  ];
  return cuts
    .slice(1)
    .flatMap((end, i) => [
      ...(dice.chance(0.3) ? control(dice) : []),
      { opcode: i === 0 ? text : continuation, payload: payload.subarray(cuts[i], end), fin: i === cuts.length - 2 },
    ]);
};

const control: Make = (dice) => [{ opcode: dice.pick([ping, pong]), payload: dice.bytes(dice.whole(0, 125)) }];

const good: readonly Make[] = [whole, whole, inFragments, control];

const bad: readonly Make[] = [
  (dice) => [{ opcode: text, payload: Buffer.from(dice.pick(messages)) }],
  (dice) => [{ opcode: text, payload: Buffer.from(dice.pick(invalid), "latin1") }],
  (dice) => [{ opcode: dice.pick([text, binary, ping]), payload: Buffer.from("{}"), reserved: dice.whole(1, 7) }],
  (dice) => [{ opcode: dice.pick([3, 5, 7, 11, 15]), payload: dice.bytes(dice.whole(0, 9)) }],
  (dice) => [{ opcode: dice.pick([text, binary, close, ping]), payload: Buffer.from("{}"), mask: undefined }],
  (dice) => [{ opcode: dice.pick([close, ping, pong]), payload: dice.bytes(dice.whole(126, 200)) }],
  (dice) => [{ opcode: dice.pick([close, ping, pong]), payload: closing(1000), fin: false }],
  () => [{ opcode: continuation, payload: Buffer.from("{}") }],
  (dice) => inFragments(dice).slice(0, -1),
  (dice) => [{ opcode: binary, payload: dice.bytes(dice.whole(0, 300)), fin: dice.chance(0.7) }],
  (dice) => [{ opcode: close, payload: closing(dice.pick(said), "bye") }],
  (dice) => [{ opcode: close, payload: closing(dice.pick(unsaid), "bye") }],
  (dice) => [{ opcode: close, payload: Buffer.alloc(dice.whole(0, 1)) }],
  () => [{ opcode: close, payload: closing(1000, Buffer.from([0xff])) }],
  (dice) => [{ opcode: ping, payload: dice.bytes(3), claimed: BigInt(dice.whole(4, 125)) }],
];
