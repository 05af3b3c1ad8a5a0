import type { Definition } from "../stream/define.ts";
import { instances } from "./instances.ts";
import { logs } from "./logs.ts";
import { messages } from "./messages.ts";
import { runs } from "./runs.ts";

/** The streams of the product. */
export const productStreams: readonly Definition[] = [instances, logs, messages, runs];
