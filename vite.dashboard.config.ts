import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

const within = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** What a page asks of its gateway; all else is the page's own files, `api.ts` and `session.svelte.ts` among them. */
const asked = "^/(?:api|metrics|session|sse|poll|healthz|readyz)(?=[/?]|$)";
const askedForSockets = "^/ws(?=[/?]|$)";

/**
 * The dashboard, for `npm run build` and `npm run dashboard`.
 *
 * Every address in it is relative, so that it works behind a path prefix, and nothing is inlined: the gateway's
 * Content-Security-Policy forbids scripts and styles in a page, and `data:` addresses.
 */
export default defineConfig(() => {
  const gateway = process.env.SKEIN_URL ?? "http://127.0.0.1:8000";
  return {
    root: within("src/dashboard"),
    base: "./",
    plugins: [svelte({ configFile: false, compilerOptions: { runes: true } })],
    build: {
      outDir: within("dist/dashboard"),
      emptyOutDir: true,
      license: { fileName: "licenses.md" },
      target: "es2023",
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      // How long a plugin takes on a busy machine is nobody's concern.
      rolldownOptions: {
        checks: { pluginTimings: false },
        input: [within("src/dashboard/index.html"), within("src/dashboard/streams.html")],
      },
    },
    server: { proxy: { [asked]: { target: gateway }, [askedForSockets]: { target: gateway, ws: true } } },
  };
});
