const unit = "  ";
const parts = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/**
 * JSON on lines of its own, for people. Only white space is changed: no number loses a digit, and fields that are there
 * twice stay so.
 */
export function indented(json: string): string {
  const tokens = json.match(parts) ?? [];
  let depth = 0;
  let text = "";
  for (const [i, token] of tokens.entries()) {
    const isEmpty = closes(token) && opens(tokens[i - 1]);
    if (closes(token)) depth -= 1;
    if (!isEmpty && (closes(token) || opens(tokens[i - 1]) || tokens[i - 1] === ",")) text += `\n${unit.repeat(depth)}`;
    text += token === ":" ? ": " : token;
    if (opens(token)) depth += 1;
  }
  return text;
}

function opens(token: string | undefined): boolean {
  return token === "{" || token === "[";
}

function closes(token: string): boolean {
  return token === "}" || token === "]";
}
