import { createPublicKey, type webcrypto } from "node:crypto";

const leastBytes = 32;
const hashes = { HS256: "SHA-256", HS384: "SHA-384", HS512: "SHA-512" } as const;

type SecretAlgorithm = keyof typeof hashes;

/** Whether a secret signs with that algorithm. */
export function isSecretAlgorithm(algorithm: string): algorithm is SecretAlgorithm {
  return Object.hasOwn(hashes, algorithm);
}

/** A secret that signs and checks tokens, ready for each algorithm at its first use. */
export class SecretKey {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #ready = new Map<SecretAlgorithm, Promise<webcrypto.CryptoKey>>();

  /** Throws an Error when the secret is shorter than 32 bytes, or is no secret at all but a key. */
  constructor(secret: Uint8Array) {
    if (secret.length < leastBytes)
      throw new Error(`The secret that signs tokens has ${secret.length} bytes; it needs ${leastBytes} or more`);
    if (isKey(secret))
      throw new Error("The secret that signs tokens is a key; give a public key as such, and as secret random bytes");
    this.#bytes = new Uint8Array(secret);
  }

  for(algorithm: SecretAlgorithm): Promise<webcrypto.CryptoKey> {
    const known = this.#ready.get(algorithm);
    if (known) return known;
    const parameters = { name: "HMAC", hash: hashes[algorithm] };
    const key = crypto.subtle.importKey("raw", this.#bytes, parameters, false, ["sign", "verify"]);
    this.#ready.set(algorithm, key);
    return key;
  }
}

/** Whoever knows a public key could sign with it, if it were taken for a secret. */
function isKey(secret: Uint8Array): boolean {
  const text = new TextDecoder().decode(secret);
  if (text.includes("-----BEGIN ") || (text.trimStart().startsWith("{") && text.includes('"kty"'))) return true;
  try {
    createPublicKey({ key: Buffer.from(secret), format: "der", type: "spki" });
    return true;
  } catch {
    return false;
  }
}
