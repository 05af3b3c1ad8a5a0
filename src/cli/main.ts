#!/usr/bin/env node
import * as module from "node:module";
import { setFlagsFromString } from "node:v8";

// A rush of connections would grow V8's young generation, which it then keeps: 7 KB for each of 5,000 idle connections.
// What a gateway allocates per frame is too little to miss it; what a command loads is not.
if (process.argv[2] === "start") setFlagsFromString("--semi-space-growth-factor=1");

// Before anything else is loaded: the next start finds all of it compiled. Deno does that anyway.
module.enableCompileCache?.();
// A step of a pipeline must not wait for all that a gateway needs.
const isPipeline = ["exec", "run"].includes(process.argv[2] ?? "");
const skein = isPipeline ? (await import("./pipeline.ts")).pipelineProgram() : (await import("./program.ts")).program();
// Timers of a clock keep no process alive, and a command may wait for nothing else.
const alive = setInterval(() => {}, 2 ** 30);
await skein.parseAsync().finally(() => clearInterval(alive));
