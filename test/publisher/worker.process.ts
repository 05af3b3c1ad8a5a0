// A process that publishes and ends in some way: `worker.process.ts <nats or http address> <how>`.
import { connect } from "../../src/publisher/index.ts";

const [address = "", how = ""] = process.argv.slice(2);
const where = address.startsWith("http") ? { http: address } : { nats: address };
const skein = await connect({ ...where, onDrop: ({ tail, id }) => say(`dropped ${tail} ${id}`) });
/** What is said at the very end, in one piece: of many small ones a pipe takes only so many before its reader has read. */
let atExit: string[] | undefined;
function say(line: string): void {
  if (atExit) atExit.push(line);
  else console.log(line);
}
const tools = skein.tools({ crew: "c", run: "r", agent: "a" });
const forever = () => new Promise<never>(() => {});

const ways: Record<string, () => unknown> = {
  /** Says much and leaves it to itself. */
  leaves: () => sayMuch(),
  /** Says much and is sent a signal. */
  works: async () => {
    void skein.crew("c").signal("busy");
    void tools.run("compile", forever);
    await skein.flush();
    sayMuch();
    console.log("ready");
    setInterval(() => {}, 1000);
  },
  /** Listens to signals itself. */
  decides: async () => {
    const leave = () => skein.tally.waiting === 0 && process.exit(7);
    process.on("SIGTERM", () => setInterval(leave, 10));
    sayMuch();
    console.log("ready");
    setInterval(() => {}, 1000);
  },
  /** Ends in the middle of it. */
  exits: () => {
    sayMuch();
    const lines: string[] = [];
    atExit = lines;
    process.on("exit", () => console.log(lines.join("\n")));
    process.exit(3);
  },
  /** Has work that will never be done, and nothing else to do. */
  forgets: () => void tools.run("wait", forever),
};

function sayMuch(): void {
  for (let i = 0; i < 200; i++)
    void skein.publish("runs.much", { type: "boot", i }, { id: `much-${process.pid}-${i}` });
}

await ways[how]?.();
if (how !== "works" && how !== "decides" && address.startsWith("nats")) await skein.close();
