import { Failure } from "../protocol/failure.ts";

/** What a connection was made with, as far as it may be said. */
export interface Circumstances {
  /** What inboxes begin with. */
  readonly inboxPrefix: string;
  /** Without credentials. */
  readonly servers: readonly string[];
  /** Whether TLS was spoken. */
  readonly isSecure: boolean;
  /** Whether a certificate was shown to the server. */
  readonly hasCertificate: boolean;
  /** When that certificate expired, if it has. */
  readonly certificateEnd: () => string | undefined;
}

/** The library's error codes in our words; what is not here is our own mistake or a permission that is missing. */
const failures: Record<string, () => Failure> = {
  "503": () => new Failure("no_responder", "Nobody answers there"),
  TIMEOUT: () => new Failure("bus_away", "No answer came in time"),
  CANCELLED: () => new Failure("bus_away", "The bus went away before it answered"),
  DISCONNECT: () => new Failure("bus_away", "The bus went away before it answered"),
  CONNECTION_CLOSED: () => new Failure("bus_away", "The bus is closed"),
  CONNECTION_DRAINING: () => new Failure("bus_away", "The bus is closing"),
  MAX_PAYLOAD_EXCEEDED: () => new Failure("message_too_large", "The message is larger than the bus takes"),
};

/** Why something that was said or asked did not go through. */
export function failureOf(trouble: unknown, { inboxPrefix }: Circumstances): Error {
  const failure = failures[codeOf(trouble)];
  return failure?.() ?? new Error(refusal(trouble, inboxPrefix) ?? "NATS refused", { cause: trouble });
}

/** Why a connection could not be made, or what it was refused, and what to do about it; never a secret. */
export function troubleIn(thrown: unknown, circumstances: Circumstances): string {
  const code = codeOf(thrown);
  const said = thrown instanceof Error ? thrown.message : code;
  const advice = refusal(thrown, circumstances.inboxPrefix) ?? advices.find(([codes]) => codes.test(code))?.[1];
  return typeof advice === "function" ? advice(circumstances) : (advice ?? said.trim());
}

type Advice = string | ((circumstances: Circumstances) => string);

/** By the codes of the library, of OpenSSL and of Deno. */
const advices: readonly (readonly [codes: RegExp, Advice])[] = [
  [/^CONNECTION_REFUSED$/, ({ servers }) => `No NATS server listens at ${servers.join(", ")} (CONNECTION_REFUSED)`],
  [/^TIMEOUT$/, ({ servers }) => `NATS at ${servers.join(", ")} does not answer in time (TIMEOUT)`],
  [
    /^AUTHORIZATION_VIOLATION$/,
    "NATS does not let this user in (Authorization Violation): look at the user and the password or token in the " +
      "address, or at the credentials (natsCreds)",
  ],
  [
    /^(?:AUTHENTICATION_EXPIRED|ACCOUNT_EXPIRED)$/,
    "The NATS credentials of this user have expired: get new ones (natsCreds) and start again",
  ],
  [
    /^SERVER_OPT_NA$/,
    "TLS is wanted (by tls://, natsCa or natsCert), and the NATS server does not offer it: give its configuration a tls " +
      "block, or leave these out",
  ],
  [
    /VERIFY_LEAF|SELF_SIGNED|ISSUER_CERT|CERT_SIGNATURE|CERT_UNTRUSTED/,
    "The certificate of the NATS server is from no authority that is trusted here: name the file with the certificate of " +
      "its authority (natsCa)",
  ],
  [
    /^CERT_(?:HAS_EXPIRED|NOT_YET_VALID)$/,
    "The certificate of the NATS server has expired or is not valid yet: renew it there, or put the clock right",
  ],
  [
    /ALTNAME_INVALID/,
    ({ servers }) =>
      `The certificate of the NATS server is for another name than ${servers.join(", ")}: use a name that is in it, or ` +
      "have one made for this name",
  ],
  [/ALERT/, clientAdvice],
  // The server's word about our certificate may be lost when it hangs up, and always is on Deno.
  [
    /^(?:EPERM|EPIPE|ECONNRESET)$/,
    (circumstances) => {
      const said = `NATS at ${circumstances.servers.join(", ")} broke the connection off`;
      return circumstances.isSecure ? `${said}; perhaps: ${clientAdvice(circumstances)}` : said;
    },
  ],
];

function clientAdvice({ hasCertificate, certificateEnd }: Circumstances): string {
  if (!hasCertificate) {
    return "The NATS server wants to see a certificate: name the files with one and its key (natsCert, natsKey)";
  }
  const end = certificateEnd();
  if (end) return `The certificate for NATS (natsCert) expired at ${end}; get a new one`;
  return (
    "The NATS server does not accept the certificate (natsCert): it must be from an authority that the server trusts, " +
    "and be for clients"
  );
}

/** What this user was not allowed to do, as the library tells it. */
function refusal(trouble: unknown, inboxPrefix: string): string | undefined {
  const { permissionContext } = (trouble ?? {}) as { permissionContext?: { operation?: string; subject?: string } };
  if (!permissionContext) return undefined;
  const { operation, subject = "" } = permissionContext;
  if (operation === "subscription" && subject.startsWith(`${inboxPrefix}.`)) {
    return `NATS does not let this user hear answers on "${inboxPrefix}.>": set natsInbox to the inbox that it may hear`;
  }
  const verb = operation === "subscription" ? "subscribe to" : operation;
  return `NATS refused to let this user ${verb} "${subject}"; docs/operating.md lists the permissions of each role`;
}

/** The library's code: errors have one, and what it says of a connection under way has it as its data. */
export function codeOf(trouble: unknown): string {
  const { code, data } = (trouble ?? {}) as { code?: unknown; data?: unknown };
  return String(code ?? data ?? "");
}
