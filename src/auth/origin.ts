import { isIP } from "node:net";
import { Failure } from "../protocol/failure.ts";
import { isLoopback } from "./loopback.ts";

interface OriginsOptions {
  /** Whose pages may use this gateway besides its own, like `https://app.example.com`. */
  readonly allowOrigin: readonly string[];
  /** Under which names this gateway may be reached besides addresses and names without a dot. */
  readonly allowHost: readonly string[];
  /** The host that is listened on. */
  readonly host: string;
}

/** Whose pages may use this gateway, and under which names it may be reached. */
export class Origins {
  readonly #origins: ReadonlySet<string>;
  readonly #hosts: ReadonlySet<string>;

  constructor({ allowOrigin, allowHost, host }: OriginsOptions) {
    const pages = allowOrigin.map(pageOf);
    this.#origins = new Set(pages.map(({ origin }) => origin));
    const names = [host, ...allowHost].map((name) => hostIn(name)?.hostname ?? name.toLowerCase());
    this.#hosts = new Set([...names, ...pages.map(({ hostname }) => hostname)]);
  }

  /**
   * Refuses what a page of another site asks for, also one that has made its own name point to us (DNS rebinding).
   *
   * Throws `forbidden_host` and `forbidden_origin`. Programs other than browsers name no origin, and are not what this is
   * against.
   */
  refuseForeign(headers: Headers): void {
    const host = headers.get("host");
    if (host !== null && !this.#isOurs(host)) throw foreignHost();
    const origin = headers.get("origin");
    if (origin !== null && !isSameOrigin(headers) && !this.allows(origin)) throw foreignOrigin();
  }

  /**
   * Refuses also what a page of another site makes a browser ask for without saying whose page it is: an image, a link
   * that is followed.
   *
   * Throws as `refuseForeign` does.
   */
  refuseCrossSite(headers: Headers): void {
    this.refuseForeign(headers);
    const site = headers.get("sec-fetch-site") ?? "none";
    if (!headers.has("origin") && site !== "same-origin" && site !== "none") throw foreignOrigin();
  }

  /** Whether pages of another origin may use this gateway. */
  allows(origin: string): boolean {
    const page = parsePage(origin);
    return page !== undefined && this.#origins.has(page.origin);
  }

  #isOurs(header: string): boolean {
    const name = hostIn(header)?.hostname;
    if (name === undefined) return false;
    if (name.startsWith("[") || isIP(name) !== 0) return true;
    // A page that rebinds needs a name that others can look up, and those have dots.
    return !name.includes(".") || isLoopback(name) || this.#hosts.has(name);
  }
}

/**
 * Whether a request does not come from a page of another site.
 *
 * Browsers name the page's origin (RFC 6454); programs other than browsers name none, and are not what this is against.
 */
export function isSameOrigin(headers: Headers): boolean {
  const origin = headers.get("origin");
  if (origin === null) return true;
  const page = parsePage(origin);
  // The scheme says which port goes without saying; a proxy may have ended TLS before us.
  return page !== undefined && hostIn(headers.get("host") ?? "", page.protocol)?.host === page.host;
}

/** The refusal of a request that a page of another site has made. */
function foreignOrigin(): Failure {
  return new Failure("forbidden_origin", "A page of another origin may not use this gateway");
}

function foreignHost(): Failure {
  return new Failure("forbidden_host", "This gateway may not be reached under that name; see --allow-host");
}

/** An origin as browsers write it, or undefined when that is none: `null`, a list, something with a path. */
function parsePage(origin: string): URL | undefined {
  if (!/^https?:\/\/[^\s/?#@\\,]+$/i.test(origin) || !URL.canParse(origin)) return undefined;
  return new URL(origin);
}

/** Throws an Error when a setting is no origin. */
function pageOf(origin: string): URL {
  const page = parsePage(origin.replace(/\/$/, ""));
  if (!page) throw new Error(`${origin} is not an origin like https://app.example.com`);
  return page;
}

function hostIn(header: string, protocol = "http:"): URL | undefined {
  const text = `${protocol}//${header}`;
  return /^[^\s/?#@\\,]+$/.test(header) && URL.canParse(text) ? new URL(text) : undefined;
}
