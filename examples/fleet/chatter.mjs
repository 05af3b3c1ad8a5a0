// Logs many lines, some of them long.
const { NAME = "chatter", LINES_PER_SECOND = "50" } = process.env;
const levels = ["DEBUG", "DEBUG", "DEBUG", "INFO", "INFO", "WARN"];
let count = 0;

setInterval(() => {
  count++;
  const level = levels[count % levels.length];
  const padding = count % 10 === 0 ? ` ${"=".repeat(200)}` : "";
  console.log(`${new Date().toISOString()} ${level} ${NAME} line ${count}${padding}`);
}, 1000 / Number(LINES_PER_SECOND));
