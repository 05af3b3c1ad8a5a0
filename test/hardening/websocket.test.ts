import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Dice } from "../support/dice.ts";
import { type Door, startListening } from "../support/listening.ts";
import { closing, opcodes, type RawFrame, rawFrame } from "../support/raw-frame.ts";
import { gatewayOutcome, type Outcome, oracleOutcomes } from "./conversation.ts";
import { sequence } from "./sequences.ts";

let door: Door;

beforeAll(async () => {
  door = await startListening({});
});

afterAll(() => door[Symbol.asyncDispose]());

const { continuation, text, binary, close, ping, pong } = opcodes;
const ask = Buffer.from('{"type":"ping"}');
const latin = (bytes: string) => Buffer.from(bytes, "latin1");
const frames = (...some: readonly RawFrame[]) => Buffer.concat(some.map(rawFrame));

/** A message in three fragments, cut inside a character, with something between them. */
function pieces(payload: Buffer, between: readonly RawFrame[] = []): Buffer {
  const [first, second] = [payload.subarray(0, 5), payload.subarray(5, 11)];
  return frames(
    { opcode: text, payload: first, fin: false },
    ...between,
    { opcode: continuation, payload: second, fin: false },
    { opcode: continuation, payload: payload.subarray(11) },
  );
}

const euro = Buffer.from(`{"type":"ping","x":"€€€"}`);

const agreed: readonly (readonly [string, Buffer, Outcome])[] = [
  ["nothing said", Buffer.alloc(0), "lives"],
  ["a message", frames({ opcode: text, payload: ask }), "lives"],
  ["a message with a mask of zeros", frames({ opcode: text, payload: ask, mask: Buffer.alloc(4) }), "lives"],
  ["a message in fragments", pieces(euro), "lives"],
  [
    "pings and pongs between fragments",
    pieces(euro, [
      { opcode: ping, payload: ask },
      { opcode: pong, payload: ask },
    ]),
    "lives",
  ],
  [
    "empty fragments",
    frames({ opcode: text, payload: latin(""), fin: false }, { opcode: continuation, payload: ask }),
    "lives",
  ],
  ["the longest ping", frames({ opcode: ping, payload: Buffer.alloc(125) }), "lives"],
  ["a pong nobody asked for", frames({ opcode: pong, payload: ask }), "lives"],
  [
    "a message of just 64 KiB",
    frames({ opcode: text, payload: latin(JSON.stringify({ type: "ping", x: "x".repeat(65_513) })) }),
    "lives",
  ],
  ["a frame that is not whole", frames({ opcode: ping, payload: ask, claimed: 99n }), "waits"],
  ["a message that goes on", frames({ opcode: text, payload: ask, fin: false }), "lives"],
  ["a message that is too long", frames({ opcode: text, payload: Buffer.alloc(65_537, 0x20) }), 1009],
  [
    "fragments that are too long together",
    frames(
      { opcode: text, payload: Buffer.alloc(40_000, 0x20), fin: false },
      { opcode: continuation, payload: Buffer.alloc(40_000, 0x20) },
    ),
    1009,
  ],
  ["a binary message", frames({ opcode: binary, payload: ask }), 1008],
  ["no JSON", frames({ opcode: text, payload: latin("{") }), 1008],
  ["an empty message", frames({ opcode: text, payload: latin("") }), 1008],
  ["a frame without a mask", frames({ opcode: text, payload: ask, mask: undefined }), 1002],
  ["a ping without a mask", frames({ opcode: ping, payload: ask, mask: undefined }), 1002],
  ["a ping that is too long", frames({ opcode: ping, payload: Buffer.alloc(126) }), 1002],
  ["a close that is too long", frames({ opcode: close, payload: closing(1000, "x".repeat(124)) }), 1002],
  ["a ping in fragments", frames({ opcode: ping, payload: ask, fin: false }), 1002],
  ["a close in fragments", frames({ opcode: close, payload: closing(1000), fin: false }), 1002],
  ["a continuation of nothing", frames({ opcode: continuation, payload: ask }), 1002],
  ["a message between fragments", pieces(euro, [{ opcode: text, payload: ask }]), 1002],
  ["a binary message between fragments", pieces(euro, [{ opcode: binary, payload: ask }]), 1002],
  [
    "a reserved bit in a continuation",
    frames({ opcode: text, payload: ask, fin: false }, { opcode: continuation, payload: ask, reserved: 4 }),
    1002,
  ],
  ["a compressed message", frames({ opcode: text, payload: latin("\xaa\x56\x2a\xa9,H\x05\0"), reserved: 4 }), 1002],
  ["a message that is no UTF-8", frames({ opcode: text, payload: latin("\xff") }), 1007],
  ["an overlong character", frames({ opcode: text, payload: latin("\xc0\x80") }), 1007],
  ["half a surrogate pair", frames({ opcode: text, payload: latin("\xed\xa0\x80") }), 1007],
  ["a character beyond Unicode", frames({ opcode: text, payload: latin("\xf4\x90\x80\x80") }), 1007],
  ["a character that does not end", frames({ opcode: text, payload: latin("\xe2\x82") }), 1007],
  [
    "a character that does not end with the last fragment",
    frames({ opcode: text, payload: latin("a"), fin: false }, { opcode: continuation, payload: latin("\xe2\x82") }),
    1007,
  ],
  ["a close without a code", frames({ opcode: close, payload: latin("") }), 1005],
  ["a close with half a code", frames({ opcode: close, payload: latin("\x03") }), 1002],
  ["a close with a reason that is no UTF-8", frames({ opcode: close, payload: closing(1000, latin("\xff")) }), 1007],
  [
    "a close and more after it",
    frames({ opcode: close, payload: closing(3000, "bye") }, { opcode: 15, payload: ask }),
    3000,
  ],
  ...[1, 2, 3, 4, 5, 6, 7].map((reserved): [string, Buffer, Outcome] => [
    `the reserved bits ${reserved}`,
    frames({ opcode: text, payload: ask, reserved }),
    1002,
  ]),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): [string, Buffer, Outcome] => [
    `the opcode ${opcode}`,
    frames({ opcode, payload: ask }),
    1002,
  ]),
  ...[0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65_535].map((code): [string, Buffer, Outcome] => [
    `the close code ${code}`,
    frames({ opcode: close, payload: closing(code) }),
    1002,
  ]),
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000, 4999].map(
    (code): [string, Buffer, Outcome] => [
      `the close code ${code}`,
      frames({ opcode: close, payload: closing(code, "grün") }),
      code,
    ],
  ),
];

const different: readonly (readonly [string, Buffer, { oracle: Outcome; gateway: Outcome }])[] = [
  // RFC 6455, section 5.2, asks senders for the fewest bytes; what is said is clear all the same.
  [
    "when a length is written in more bytes than it needs",
    frames({ opcode: text, payload: ask, lengthBits: 16 }, { opcode: text, payload: ask, lengthBits: 64 }),
    { oracle: 1002, gateway: "lives" },
  ],
  // Nobody waits for what would be refused once it is there.
  [
    "when a message is announced that is too long",
    frames({ opcode: binary, payload: ask, claimed: 65_537n }),
    { oracle: "waits", gateway: 1009 },
  ],
  [
    "when fragments are announced that are too long together",
    frames({ opcode: binary, payload: ask, fin: false }, { opcode: continuation, payload: ask, claimed: 65_536n }),
    { oracle: "waits", gateway: 1009 },
  ],
  [
    "when a length has its highest bit set, which is no length at all",
    frames({ opcode: text, payload: ask, claimed: 2n ** 63n }),
    { oracle: 1002, gateway: 1009 },
  ],
  // A text is looked at when it is whole (RFC 6455, section 8.1, says that it is closed, not when).
  [
    "when a fragment is no UTF-8 and the rest has not come",
    frames({ opcode: text, payload: latin("\xff"), fin: false }),
    { oracle: 1007, gateway: "lives" },
  ],
  // IANA has registered it (Bad Gateway) after RFC 6455.
  ["when a close code is 1014", frames({ opcode: close, payload: closing(1014) }), { oracle: 1002, gateway: 1014 }],
];

const asked = [...agreed, ...different].map(([, bytes]) => bytes);

/** Asked once for all. */
const answers = oracleOutcomes(asked);

async function outcomesOf(bytes: Buffer): Promise<{ oracle: Outcome | undefined; gateway: Outcome }> {
  return { oracle: answers[asked.indexOf(bytes)], gateway: await gatewayOutcome(door.port, [bytes]) };
}

describe("A gateway ends a conversation as an independent implementation does", () => {
  test.each(agreed)("%s", async (_, bytes, outcome) => {
    expect(await outcomesOf(bytes)).toEqual({ oracle: outcome, gateway: outcome });
  });
});

describe("A gateway ends a conversation otherwise, and rightly so,", () => {
  test.each(different)("%s", async (_, bytes, outcomes) => {
    expect(await outcomesOf(bytes)).toEqual(outcomes);
  });
});

const count = Number(process.env.COUNT ?? 1000);
const seed = Number(process.env.SEED ?? 1);

test(`In ${count} random conversations a gateway and the other implementation agree (SEED=${seed})`, async () => {
  const conversations = Array.from({ length: count }, (_, i) => sequence(new Dice(seed * 1_000_003 + i)));
  const expected = oracleOutcomes(conversations.map((pieces) => Buffer.concat(pieces)));
  const differing: unknown[] = [];
  let next = 0;
  const work = async () => {
    for (let i = next++; i < count; i = next++) {
      const sent = conversations[i] ?? [];
      const gateway = await gatewayOutcome(door.port, sent);
      const bytes = Buffer.concat(sent).toString("hex").slice(0, 400);
      if (gateway !== expected[i]) differing.push({ i, bytes, oracle: expected[i], gateway });
    }
  };
  await Promise.all(Array.from({ length: 16 }, work));
  expect(differing).toEqual([]);
  // All kinds of ends occur.
  expect([...new Set(expected)].map(String).sort()).toEqual(
    expect.arrayContaining(["1002", "1005", "1007", "1008", "1009", "lives", "waits"]),
  );
}, 120_000);
