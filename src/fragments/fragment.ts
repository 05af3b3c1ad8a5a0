import { html } from "hono/html";
import { Failure } from "../protocol/failure.ts";

/** A piece of a page. */
export interface Fragment {
  /** Made with the tag `html`, which escapes every value. */
  readonly html: ReturnType<typeof html>;
  /** A selector of what the piece stands for in a page; none for a piece that is added. */
  readonly refresh_target?: string;
}

/** What a template is given besides its event. */
export interface Tools {
  /** Makes HTML of a template literal and escapes every value in it. */
  readonly html: typeof html;
  /** A selector of the elements whose attribute has a value. */
  selector(attribute: string, value: string | number): string;
}

/** Makes a piece of a page from an event, at once and without asking anybody. */
export type Template<Event> = (event: Event, tools: Tools) => Fragment;

/** A piece of a page as it is sent. */
export interface Rendered {
  readonly html: string;
  readonly refresh_target?: string;
}

const tools: Tools = { html, selector };

/** Makes the piece of an event. Throws `internal` that names the template and says what it did wrong. */
export function render<Event>(name: string, template: Template<Event>, event: Event): Rendered {
  const fault = (what: string) => new Failure("internal", `The template "${name}" ${what}`);
  let made: unknown;
  try {
    made = template(event, tools);
  } catch (thrown) {
    throw fault(`failed: ${thrown instanceof Error ? thrown.message : thrown}`);
  }
  if (typeof made !== "object" || made === null || !("html" in made))
    throw fault("must return {html, refresh_target?}");
  if (made.html instanceof Promise) throw fault("must not wait for anything: its html is a promise");
  if (!isEscaped(made.html)) throw fault("must make its html with the tag html, which escapes every value");
  const target = "refresh_target" in made ? made.refresh_target : undefined;
  if (target !== undefined && typeof target !== "string") throw fault("must give a text as refresh_target, or none");
  return { html: String(made.html), ...(target !== undefined && { refresh_target: target }) };
}

/** Whether something came out of the tag `html`: then every value in it has been escaped. */
function isEscaped(value: unknown): boolean {
  return value instanceof String && "isEscaped" in value && value.isEscaped === true;
}

/** A selector of the elements whose attribute has a value, whatever is in the value (CSS strings escape by code point). */
function selector(attribute: string, value: string | number): string {
  const escaped = String(value).replace(/["\\<]|\p{Cc}/gu, (one) => `\\${one.codePointAt(0)?.toString(16)} `);
  return `[${attribute}="${escaped}"]`;
}
