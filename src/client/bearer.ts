import type { TokenSource } from "./skein.ts";

/** Who a connection speaks for. */
export interface Bearer {
  token: string | undefined;
  /** Whether somebody could have another token. */
  readonly canAsk: boolean;
  /** Asks for a token; whether it is another one than was refused. Rejects with what the source throws. */
  ask(): Promise<boolean>;
  /** Asks for a newer token; undefined when there is none. */
  renew(): Promise<string | undefined>;
  /** The token was refused. */
  renounce(): void;
  /** The token was taken. */
  accept(): void;
}

const nobody = {};

export function bearer(source: TokenSource | undefined): Bearer {
  let bad: unknown = nobody;
  const self: Bearer = {
    token: undefined,
    canAsk: typeof source === "function",
    async ask() {
      self.token = typeof source === "function" ? await source() : source;
      return self.token !== bad;
    },
    async renew() {
      const before = self.token;
      // Who cannot say now is asked again when the token has ended.
      const isGood = self.canAsk && (await self.ask().catch(() => false));
      return isGood && self.token !== before ? self.token : undefined;
    },
    renounce() {
      bad = self.token;
    },
    accept() {
      bad = nobody;
    },
  };
  return self;
}
