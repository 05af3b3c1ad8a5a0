import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { checkServerIdentity, type PeerCertificate } from "node:tls";

/** What proves to each other who a NATS server and its client are, as the text of PEM files. */
export interface Certificates {
  /** The authorities that servers must be certified by. Default: those that the runtime trusts. */
  readonly ca?: string | undefined;
  /** The client's own. */
  readonly cert?: string | undefined;
  /** The key of that, without a passphrase. */
  readonly key?: string | undefined;
}

/** How TLS is spoken with NATS servers. */
export interface Tls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly checkServerIdentity: (name: string, certificate: PeerCertificate) => Error | undefined;
}

/**
 * Checks the certificates and says how to use them.
 *
 * A server is the right one when its certificate is for any of `hosts`: clusters tell of members by address, and the
 * library takes every address for "localhost". Throws an Error that says what is wrong with a certificate or the key.
 */
export function tlsWith(certificates: Certificates, hosts: readonly string[], nowMs: number): Tls {
  const { ca, cert, key } = certificates;
  if (ca !== undefined) parsed(ca, "authorities of NATS servers (natsCa)");
  if ((cert === undefined) !== (key === undefined)) {
    throw new Error(
      "A certificate for NATS needs its key, and a key its certificate: set natsCert and natsKey, or neither",
    );
  }
  if (cert !== undefined && key !== undefined) checkPair(cert, key, nowMs);
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && key !== undefined && { cert, key }),
    checkServerIdentity: (name, certificate) => {
      if (hosts.some((host) => checkServerIdentity(host, certificate) === undefined)) return undefined;
      return checkServerIdentity(hosts[0] ?? name, certificate);
    },
  };
}

/** When the client's certificate expired, or undefined while it holds. */
export function expiredAt({ cert }: Certificates, nowMs: number): string | undefined {
  if (cert === undefined) return undefined;
  const endMs = Date.parse(new X509Certificate(cert).validTo);
  return endMs <= nowMs ? new Date(endMs).toISOString() : undefined;
}

function checkPair(cert: string, key: string, nowMs: number): void {
  const certificate = parsed(cert, "certificate for NATS (natsCert)");
  if (!certificate.checkPrivateKey(keyIn(key))) {
    throw new Error("The key for NATS (natsKey) is not that of the certificate (natsCert)");
  }
  const end = expiredAt({ cert }, nowMs);
  if (end !== undefined) throw new Error(`The certificate for NATS (natsCert) expired at ${end}; get a new one`);
}

function parsed(pem: string, what: string): X509Certificate {
  try {
    if (pem.includes("-----BEGIN CERTIFICATE-----")) return new X509Certificate(pem);
  } catch {
    // Said below.
  }
  throw new Error(`The ${what} must be a PEM file that begins with -----BEGIN CERTIFICATE-----`);
}

function keyIn(pem: string): KeyObject {
  try {
    if (!pem.includes("ENCRYPTED")) return createPrivateKey(pem);
  } catch {
    // Its message might show a part of it.
  }
  throw new Error("The key for NATS (natsKey) must be a PEM file with a private key that no passphrase protects");
}
