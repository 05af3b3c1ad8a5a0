import { defineConfig } from "../../src/index.ts";

export default defineConfig({
  data: ".skein/deploys",
  // The folder streams/ lies beside this file, so nobody has to name it.
});
