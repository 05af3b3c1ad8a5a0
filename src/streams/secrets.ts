const mask = "***";

/** How deep a value may lie to be looked at; whatever lies deeper is hidden. */
const mostLevels = 32;

/** Words that make a key look as if a secret were behind it. */
const secretWords: ReadonlySet<string> = new Set([
  ...["password", "passwd", "passphrase", "passcode", "pass", "pwd", "pw", "pin", "otp", "secret", "secrets"],
  ...["token", "tokens", "jwt", "bearer", "auth", "authorization", "authentication", "credential", "credentials"],
  ...["creds", "cookie", "cookies", "session", "signature", "apikey", "privatekey", "accesskey", "secretkey", "dsn"],
]);

/** Words before "key" that make a secret of it; other keys are those of tables and of maps. */
const keyWords: ReadonlySet<string> = new Set([
  ...["api", "access", "private", "secret", "signing", "encryption", "master", "license", "ssh", "gpg", "deploy"],
  ...["auth", "service", "account", "client", "shared", "host", "hmac", "aes", "rsa"],
]);

/**
 * A user and a password, or a token in their place, in front of the host of an address. It is looked for from `://` on, because
 * a scheme that may begin at every letter takes time that grows with the square of a text.
 */
const userInAddress = /(?<=[a-z0-9+.-]):\/\/(?:[^\s/?#@:]*:[^\s/?#@]*|(?:gh[a-z]_|github_pat_|glpat-)[^\s/?#@]*)@/gi;

/** A value without its secrets: everything under a key that looks like one's, at whatever depth, and passwords in addresses. */
export function withoutSecrets(value: unknown, level = 0): unknown {
  if (typeof value === "string") return value.replace(userInAddress, `://${mask}@`);
  // A number that keeps its digits is a frozen object.
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  if (level >= mostLevels) return mask;
  if (Array.isArray(value)) return value.map((one) => withoutSecrets(one, level + 1));
  const pairs = Object.entries(value).map(([key, one]) => {
    const isHidden = one !== null && isSecret(key, one);
    return [key, isHidden ? mask : withoutSecrets(one, level + 1)] as const;
  });
  return Object.fromEntries(pairs);
}

/** An event without secrets in its free fields: those that `fixed`, the names of its identifiers, leaves over. */
export function maskedBeside<Event extends object>(event: Event, fixed: ReadonlySet<string>): Event {
  const free = Object.fromEntries(Object.entries(event).filter(([name]) => !fixed.has(name)));
  return { ...event, ...(withoutSecrets(free) as object) };
}

function isSecret(key: string, value: unknown): boolean {
  const words = wordsIn(key);
  // How many tokens a model may use is no secret.
  if (words.includes("tokens") && typeof value === "number") return false;
  if (words.some((word) => secretWords.has(word))) return true;
  return words.some((word, i) => /^keys?$/.test(word) && keyWords.has(words[i - 1] ?? ""));
}

/** `apiKey`, `API_KEY` and `x-api-key` are of the same words; a word that is run together counts as well. */
function wordsIn(key: string): string[] {
  const spaced = key.replace(/([a-z0-9])([A-Z])/g, "$1 $2").replace(/([A-Z])([A-Z][a-z])/g, "$1 $2");
  const words = spaced.toLowerCase().split(/[^a-z]+/);
  return [...words.filter((word) => word !== ""), ...runTogether(words)];
}

const suffix = /(password|passwd|passphrase|secret|token|credentials?|apikey)$/;

function runTogether(words: readonly string[]): string[] {
  return words.flatMap((word) => suffix.exec(word)?.[1] ?? []);
}
