const limits = [
  "connections",
  "connects",
  "subscriptions",
  "subscribes",
  "messages",
  "reads",
  "publishes",
  "publish-bytes",
];

/** The flags of a gateway that takes as much from one address as there is: all load comes from this machine. */
export const noLimits = limits.flatMap((limit) => [`--limit-${limit}`, "principal=0,address=0,org=0"]);
