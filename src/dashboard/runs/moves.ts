import type { Lane } from "./timeline.ts";

/** Where the arrow keys lead in a timeline. A field is `<lane>/<nth>`: its bars and then its errors. */
export function fieldAfter(lanes: readonly Lane[], field: string, key: string): string | undefined {
  const [row = 0, column = 0] = field.split("/").map(Number);
  const last = lanes.length - 1;
  const moves: Readonly<Record<string, () => readonly [number, number]>> = {
    ArrowLeft: () => [row, column - 1],
    ArrowRight: () => [row, column + 1],
    ArrowUp: () => [row - 1, column],
    ArrowDown: () => [row + 1, column],
    Home: () => [0, 0],
    End: () => [last, 0],
  };
  const move = moves[key];
  if (move === undefined || last < 0) return undefined;
  const [toRow, toColumn] = move();
  const there = Math.min(last, Math.max(0, toRow));
  const lane = lanes[there];
  const count = lane ? lane.bars.length + lane.marks.length : 0;
  return `${there}/${Math.min(Math.max(0, count - 1), Math.max(0, toColumn))}`;
}
