import { crc32, deflateSync, inflateSync } from "node:zlib";

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const mostColours = 256;

/** So many of the most frequent colours are kept as they are: those of surfaces. */
const fixedColours = 24;

/** A picture of pixels, three bytes each. */
interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

/**
 * A picture (PNG, 8 bits a channel, not interlaced) with a palette of 256 colours, which takes a third of the bytes.
 *
 * Screens have few colours but for the edges of letters, so nobody sees a difference. Throws an Error for another kind of
 * picture.
 */
export function withPalette(png: Buffer): Buffer {
  const pixels = decoded(png);
  const palette = paletteOf(pixels);
  const { width, height } = pixels;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8);
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("PLTE", Buffer.from(palette.flat())),
    chunk("IDAT", deflateSync(indexed(pixels, palette), { level: 9, memLevel: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function decoded(png: Buffer): Pixels {
  const data: Buffer[] = [];
  for (let at = signature.length; at < png.length; at += 12 + png.readUInt32BE(at)) {
    if (png.toString("latin1", at + 4, at + 8) === "IDAT")
      data.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  }
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
  const channels = { 2: 3, 6: 4 }[png[25] ?? 0];
  if (png[24] !== 8 || channels === undefined || png[28] !== 0) throw new Error("This kind of PNG is not known");
  const bytes = unfiltered(inflateSync(Buffer.concat(data)), height, { row: width * channels, channels });
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) rgb.set(bytes.subarray(i * channels, i * channels + 3), i * 3);
  return { width, height, rgb };
}

/** The bytes of a picture without the filters of its rows (PNG, section 9). */
function unfiltered(raw: Buffer, height: number, { row, channels }: { row: number; channels: number }): Uint8Array {
  const out = new Uint8Array(height * row);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (row + 1)] ?? 0;
    for (let x = 0; x < row; x++) {
      const at = y * row + x;
      const left = x < channels ? 0 : (out[at - channels] ?? 0);
      const above = y === 0 ? 0 : (out[at - row] ?? 0);
      const corner = x < channels || y === 0 ? 0 : (out[at - row - channels] ?? 0);
      const guesses = [0, left, above, (left + above) >> 1, paeth(left, above, corner)];
      out[at] = (raw[y * (row + 1) + 1 + x] ?? 0) + (guesses[filter] ?? 0);
    }
  }
  return out;
}

function paeth(left: number, above: number, corner: number): number {
  const guess = left + above - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - above), Math.abs(guess - corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? above : corner;
}

type Colour = readonly [red: number, green: number, blue: number];

function colourAt(rgb: Uint8Array, i: number): number {
  return ((rgb[i * 3] ?? 0) << 16) | ((rgb[i * 3 + 1] ?? 0) << 8) | (rgb[i * 3 + 2] ?? 0);
}

/** The colours that are there most often; of neighbours among the rarer ones only one. */
function paletteOf({ rgb }: Pixels): Colour[] {
  const counts = new Map<number, number>();
  for (let i = 0; i < rgb.length / 3; i++) {
    const colour = colourAt(rgb, i);
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const frequent = [...counts].sort((a, b) => b[1] - a[1]).map(([colour]) => partsOf(colour));
  const chosen: Colour[] = frequent.slice(0, fixedColours);
  for (const apart of [18, 12, 6, 0]) {
    for (const colour of frequent) {
      if (chosen.length < mostColours && chosen.every((other) => distance(other, colour) > apart * apart))
        chosen.push(colour);
    }
  }
  return chosen;
}

function partsOf(colour: number): Colour {
  return [colour >> 16, (colour >> 8) & 0xff, colour & 0xff];
}

function distance(a: Colour, b: Colour): number {
  return (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2;
}

/** One byte a pixel, each row after the number of its filter, which is none. */
function indexed({ width, height, rgb }: Pixels, palette: readonly Colour[]): Buffer {
  const nearest = new Map<number, number>();
  const find = (colour: number) => {
    const distances = palette.map((one) => distance(one, partsOf(colour)));
    const found = distances.indexOf(Math.min(...distances));
    nearest.set(colour, found);
    return found;
  };
  const out = Buffer.alloc(height * (width + 1));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const colour = colourAt(rgb, y * width + x);
      out[y * (width + 1) + 1 + x] = nearest.get(colour) ?? find(colour);
    }
  }
  return out;
}

function chunk(kind: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(kind, "latin1"), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  out.set(body, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}
