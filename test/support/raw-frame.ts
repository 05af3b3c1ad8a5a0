/** A WebSocket frame (RFC 6455, section 5.2) in which anything may be wrong. */
export interface RawFrame {
  readonly opcode: number;
  readonly payload: Uint8Array;
  /** Default: true. */
  readonly fin?: boolean;
  /** The three reserved bits as a number. Default: 0. */
  readonly reserved?: number;
  /** Four bytes, or undefined for a frame that is not masked. Default: some. */
  readonly mask?: Uint8Array | undefined;
  /** In how many bits the length is written; by default the fewest that do. */
  readonly lengthBits?: 7 | 16 | 64;
  /** The length that is said. Default: what is true. */
  readonly claimed?: bigint;
}

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const someMask = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);

/** The bytes of a frame. */
export function rawFrame(frame: RawFrame): Buffer {
  const { opcode, payload, fin = true, reserved = 0 } = frame;
  const mask = "mask" in frame ? frame.mask : someMask;
  const claimed = frame.claimed ?? BigInt(payload.length);
  const first = Buffer.from([(fin ? 0x80 : 0) | (reserved << 4) | opcode]);
  const length = lengthBytes(claimed, frame.lengthBits ?? fewestBits(claimed));
  if (length[0] !== undefined && mask) length[0] |= 0x80;
  const body = mask ? payload.map((byte, i) => byte ^ (mask[i % 4] ?? 0)) : payload;
  return Buffer.concat([first, length, mask ?? [], body].map((part) => Buffer.from(part)));
}

/** The payload of a close frame. */
export function closing(code: number, reason: string | Uint8Array = ""): Buffer {
  return Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason as Uint8Array)]);
}

function fewestBits(length: bigint): 7 | 16 | 64 {
  if (length < 126n) return 7;
  return length < 65_536n ? 16 : 64;
}

function lengthBytes(length: bigint, bits: 7 | 16 | 64): Buffer {
  if (bits === 7) return Buffer.from([Number(length & 127n)]);
  const bytes = Buffer.alloc(bits === 16 ? 3 : 9);
  bytes[0] = bits === 16 ? 126 : 127;
  if (bits === 16) bytes.writeUInt16BE(Number(length & 0xffffn), 1);
  else bytes.writeBigUInt64BE(BigInt.asUintN(64, length), 1);
  return bytes;
}
