import pc from "picocolors";
import { ask, askFor } from "./ask.ts";
import { FleetView } from "./fleet-view.ts";
import type { Gateway } from "./gateway.ts";
import { followStream, print } from "./listen.ts";
import { inColour, type Row, rowList } from "./row.ts";
import { ageText, type Column, harmless, lineWidth, tableLines } from "./table.ts";

export interface PsOptions {
  readonly gateway: Gateway;
  readonly all?: boolean;
  readonly watch?: boolean;
  readonly json?: boolean;
  readonly names?: boolean;
}

/** Shows the instances, and with `watch` each change of them until interrupted. Throws Explained when it may not. */
export async function ps(options: PsOptions): Promise<void> {
  const { gateway, all, watch, json, names } = options;
  if (watch) return watchFleet(options);
  const { instances } = await askFor(rowList, ask(gateway, `/api/instances?include_archived=${all ?? false}`));
  if (json) return print(JSON.stringify(instances, null, 2));
  if (names) return printLines(instances.map(({ name }) => name));
  if (instances.length === 0)
    process.stderr.write("There are no instances yet; make one with: skein new TEMPLATE NAME\n");
  else await printLines(fleetTable(instances, lineWidth()));
}

async function printLines(lines: readonly string[]): Promise<void> {
  for (const line of lines) await print(line);
}

function fleetTable(rows: readonly Row[], width: number): string[] {
  const [titles = "", ...lines] = tableLines(columnsAt(Date.now()), rows, width);
  return [pc.bold(titles), ...lines];
}

function columnsAt(nowMs: number): Column<Row>[] {
  return [
    { title: "NAME", of: ({ name }) => name },
    { title: "STATUS", of: shownStatus, dress: (text, one) => inColour(shownStatus(one), text) },
    { title: "PORT", of: ({ port }) => String(port ?? ""), align: "right" },
    { title: "PID", of: ({ pid }) => String(pid ?? ""), align: "right" },
    { title: "NODE", of: ({ node = "" }) => node },
    { title: "TEMPLATE", of: ({ template = "" }) => template },
    { title: "RESTARTS", of: ({ restarts }) => String(restarts ?? ""), align: "right" },
    { title: "AGE", of: ({ created_at: since }) => (since === undefined ? "" : ageText(nowMs - Date.parse(since))) },
  ];
}

function shownStatus({ status, archived_at }: Row): string {
  return archived_at === null ? status : "archived";
}

function watchFleet({ gateway, all = false, json }: PsOptions): Promise<void> {
  const stream = `instances?include_archived=${all}`;
  const view = new FleetView(all ? "shown" : "hidden");
  return followStream("ws", { gateway, stream, since: undefined, print: json ? print : shower(view, gateway.url) });
}

/** What shows a frame: to a person the whole table anew, to a program a line for each instance that it tells of. */
function shower(view: FleetView, url: string): (frame: string) => Promise<void> {
  if (process.stdout.isTTY) return screen(view, url);
  return async (frame) => {
    for (const name of view.apply(JSON.parse(frame))) await print(lineOf(name, view.get(name)));
  };
}

function lineOf(name: string, found: Row | undefined): string {
  if (found === undefined) return `${harmless(name)}  gone`;
  const { port, pid, restarts } = found;
  const rest = [port && `port ${port}`, pid && `pid ${pid}`, restarts && `restarts ${restarts}`].filter(Boolean);
  return [harmless(name), harmless(shownStatus(found)), ...rest].join("  ");
}

const redrawMs = 1000;
const clearScreen = "\u001b[H\u001b[2J";

function screen(view: FleetView, url: string): (frame: string) => Promise<void> {
  const draw = () => {
    const room = Math.max(2, (process.stdout.rows || 24) - 3);
    const lines = fleetTable(view.rows, lineWidth());
    const hidden = lines.length - room;
    const rest = hidden > 0 ? [pc.dim(`… and ${hidden} more`)] : [];
    const foot = pc.dim(`${url}, Ctrl-C to leave`);
    process.stdout.write(`${clearScreen}${[...lines.slice(0, room), ...rest, foot].join("\n")}\n`);
  };
  // Ages grow without any frame.
  setInterval(draw, redrawMs).unref();
  process.stdout.on("resize", draw);
  return async (frame) => {
    view.apply(JSON.parse(frame));
    draw();
  };
}
