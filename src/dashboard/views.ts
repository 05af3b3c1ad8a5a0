import type { View } from "./view.ts";

/** Every view by its name in the address, in the order of the navigation. */
export const views: Readonly<Record<string, View>> = {
  fleet: { title: "Fleet", load: () => import("./fleet/Fleet.svelte") },
  logs: {
    title: "Logs",
    load: () => import("./logs/Logs.svelte"),
    keys: { f: "Follow or pause", End: "Follow again", w: "Wrap lines", n: "Next match", N: "Previous match" },
  },
  messages: { title: "Messages", load: () => import("./messages/Messages.svelte") },
  runs: {
    title: "Runs",
    load: () => import("./runs/Runs.svelte"),
    keys: {
      "← ↑ → ↓": "Go from bar to bar of a timeline",
      "+ −": "Zoom into a timeline and out",
      "0": "See all of it",
    },
  },
  graph: { title: "Graph", load: () => import("./graph/Graph.svelte") },
  crews: { title: "Crews", load: () => import("./crews/Crews.svelte") },
  tasks: { title: "Tasks", load: () => import("./tasks/Tasks.svelte") },
  swarm: { title: "Swarm", load: () => import("./swarm/Swarm.svelte") },
  campaigns: { title: "Campaigns", load: () => import("./campaigns/Campaigns.svelte") },
  gateway: { title: "Gateway", load: () => import("./gateway/Gateway.svelte") },
};

/** The view of a page whose address names none. */
export const firstView = "fleet";
