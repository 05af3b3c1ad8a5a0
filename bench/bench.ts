/** `npm run bench [fanout|logs|control|auth|floods|exec|publish|dashboard|storm|memory|versions] [-- options]`: the first word says what is measured. */
const benches = [
  "fanout",
  "logs",
  "control",
  "auth",
  "floods",
  "exec",
  "publish",
  "dashboard",
  "storm",
  "memory",
  "versions",
];
const [word = ""] = process.argv.slice(2, 3);
const isWord = benches.includes(word);
if (isWord) process.argv.splice(2, 1);
await import(`./${isWord ? word : "fanout"}.ts`);
