import { heardByGateways, orgRoles, type Role, rightsOf } from "../../src/bus/roles.ts";

const code = (subjects: readonly string[]) => subjects.map((subject) => `\`${subject}\``).join(", ") || "–";

/** The table of roles as docs/operating.md has it: one line for each, with subject tails. */
export function rolesTable(): string[] {
  const head = ["role", "user", "account", "writes, acknowledged", "says", "hears", "is asked, and answers", "besides"];
  return [
    row(head),
    row(head.map(() => "---")).replaceAll(" ", ""),
    row([
      "gateway",
      "`gateway`",
      "`SKEIN`",
      "all of all orgs",
      "all of all orgs",
      code(heardOfAll()),
      "as a node and a logs agent",
      "makes, updates and reads the streams",
    ]),
    ...orgRoles.map(roleRow),
    row(["admin", "`admin`", "`SKEIN`", "all", "all", "all", "all", "for people"]),
  ];
}

/** What a gateway asks of JetStream about a journal and a table, as docs/operating.md has it. */
export function rightsBlocks(journal: string, table: string): string {
  const lines = (kind: "journal" | "table", name: string) => rightsOf({ name, kind }).map((right) => `"${right}"`);
  return [...lines("journal", journal), "", ...lines("table", table)].join("\n");
}

function heardOfAll(): string[] {
  return heardByGateways().map((subject) => subject.replace("skein.*.", ""));
}

function roleRow(role: Role): string {
  const { name, title, writes, says, reads, hears, answers, asks } = role;
  const besides = [
    ...reads.map(({ store, tail }) => `reads one row of \`${tail}\` in \`${store}\` at a time`),
    ...asks.map((tail) => `asks \`${tail}\` within its account`),
  ];
  const user = name === "agent" ? "acme-planner" : `acme-${name}`;
  const cells = [code(writes), code(says), code(hears), code(answers).replace("{agent}", "planner")];
  return row([title, `\`${user}\``, `\`ACME_${name.toUpperCase()}\``, ...cells, besides.join("; ") || "–"]);
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
