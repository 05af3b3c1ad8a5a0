const another = "get a new one with: skein token";

/** What to do about a refusal, by its code, where its message does not say. */
const advice: Readonly<Record<string, string>> = {
  instance_not_found: "skein ps -a shows all there are",
  token_required: "get one with: skein token, and name its file with --token-file or give it in SKEIN_TOKEN",
  token_invalid: "skein token check says what a token holds; get one with: skein token",
  token_expired: another,
  token_revoked: another,
  ticket_invalid: "take a token instead: --token-file",
  forbidden: "skein token check says what a token allows; get one that allows more with: skein token --role",
  forbidden_host: "start the gateway with --allow-host, or name it by its address",
};

/** The message of a refusal with what to do about it. */
export function advised(code: string | undefined, message: string): string {
  const hint = code === undefined ? undefined : advice[code];
  return hint === undefined ? message : `${message}; ${hint}`;
}
