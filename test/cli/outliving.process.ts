import { outliveExceptions, serverExceptions } from "../../src/cli/exceptions.ts";

const exceptions = serverExceptions();
outliveExceptions(exceptions);
setImmediate(() => {
  throw new Error("a defect in a callback");
});
Promise.reject(new Error("a defect in a promise"));
const timer = setInterval(() => {
  if (exceptions.count < 2) return;
  console.log(`still here after ${exceptions.count}`);
  clearInterval(timer);
}, 5);
