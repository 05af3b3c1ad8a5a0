/** The same users with the same permissions, all in the account of the gateways. */
export function onOneAccount(conf: string): string {
  const [head = "", accounts = ""] = conf.split(/^accounts \{$/m);
  const users = [...accounts.matchAll(/^ {4}users: \[\n(.*?)^ {4}\]$/gms)].map(([, list]) => list);
  return `${head}\naccounts {\n  SKEIN {\n    jetstream: enabled\n    users: [\n${users.join("")}    ]\n  }\n}\n`;
}
