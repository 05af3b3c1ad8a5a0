import { nchan } from "./nchan.ts";
import { hono, socketio } from "./node.ts";
import type { Rival } from "./rival.ts";
import { skein } from "./skein.ts";

/** Every server that can be measured, in the order of the tables. */
export const rivals: readonly Rival[] = [skein, hono, socketio, nchan];
