import { configDefaults, defineConfig } from "vitest/config";
import { patience } from "./vitest.shared.ts";

/** Tests that put something else in the place of a module, and so need modules of their own. */
const alone = ["test/bus/restricted-gateway.test.ts"];

/** Tests that look at pages, in one Chromium for all of them. */
const pages = ["test/{dashboard,client-around,browser}/**/*.test.ts"];

export default defineConfig({
  test: {
    ...patience,
    projects: [
      {
        extends: true,
        test: {
          name: "shared",
          include: ["test/**/*.test.ts"],
          exclude: [...configDefaults.exclude, ...alone, ...pages],
          // No module of the house has state of its own, so files may share a process: half a second less for each of them.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: "pages",
          include: pages,
          globalSetup: ["test/support/chromium.ts"],
          isolate: false,
        },
      },
      { extends: true, test: { name: "alone", include: alone } },
    ],
  },
});
