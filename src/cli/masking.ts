import { maskSecrets } from "../config.ts";

const hidden = "***";
/** Words in a name that make its value one that nobody should see. */
const secretWord =
  "(?:(?<!com|by|sur|tres|over|under|en)pass(?:word|wd|wrd|phrase|code)?(?![a-z])|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|auth(?!or(?!i))|credential|cookie|signature)";

const secretName = new RegExp(`^-{0,2}[\\w.-]*${secretWord}[\\w.-]*$`, "i");
/** `--password=x`, `PASSWORD=x`, `?token=x`, `"password": "x"`, also in the middle of a script. */
const assignment = new RegExp(
  `((?<![\\w.-])[\\w.-]*${secretWord}[\\w.-]*["']?\\s*[=:]\\s*)("[^"]*"|'[^']*'|[^\\s"'&;,]+)`,
  "gi",
);
/** `--password x` in the middle of a script. */
const option = new RegExp(`((?<![\\w-])--[\\w-]*${secretWord}[\\w-]*\\s+)("[^"]*"|'[^']*'|[^\\s"'&;]+)`, "gi");
/** A header with several words: `Authorization: Bearer x`. */
const header = /((?:^|["'\s])(?:proxy-)?(?:authorization|(?:set-)?cookie)["']?\s*[:=]\s*)[^"'\r\n]+/gi;
const bearer = /\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi;
/** Keys that say by their beginning what they are: JWT, GitHub, GitLab, Slack, AWS, and keys of APIs. */
const known =
  /\b(?:eyJ[\w-]+\.[\w-]+\.[\w-]*|gh[pousr]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{8,}|A[KS]IA[A-Z0-9]{12,}|sk-[\w-]{16,})/g;

const longest = 1000;
/** What is looked at: beyond that nothing is shown, and looking would take its time. */
const lookedAt = 4 * longest;
const most = 64;

/** A text without what looks like a secret in it, as far as it is looked at. */
export function masked(text: string): string {
  return maskSecrets(text.slice(0, lookedAt))
    .replace(header, `$1${hidden}`)
    .replace(assignment, `$1${hidden}`)
    .replace(option, `$1${hidden}`)
    .replace(bearer, `$1 ${hidden}`)
    .replace(known, hidden);
}

/** The words of a command without what looks like a secret, each cut where it becomes long. */
export function maskedWords(words: readonly string[]): string[] {
  const shown = words.slice(0, most).map((word, at) => {
    const before = words[at - 1] ?? "";
    if (at > 0 && before.startsWith("-") && secretName.test(before)) return hidden;
    // curl and its like: --user name:password.
    if (/^(?:-u|--user|--proxy-user)$/.test(before) && word.includes(":")) return word.replace(/:.*/s, `:${hidden}`);
    return cut(masked(word));
  });
  return words.length > most ? [...shown, `… ${words.length - most} more`] : shown;
}

function cut(text: string): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}
