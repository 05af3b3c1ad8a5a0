import type { Layout, User } from "./layout.ts";
import { audibleTo, hearProbes, probeName, publishableBy, publishProbes } from "./layout-probes.ts";
import type { Probe } from "./probe.ts";
import type { KeptStore } from "./roles.ts";
import { streamName } from "./store.ts";

/** One thing that was looked at on a server. */
export interface Finding {
  readonly isGood: boolean;
  readonly what: string;
  /** What to do about it; undefined when it is good. */
  readonly advice?: string;
}

const reload = "give nats-server the configuration that skein nats-config prints, and reload it (SIGHUP)";

/** What of a layout a running server keeps to, as far as one of its users can tell. Changes nothing on the server. */
export async function checkLayout(layout: Layout, user: User, probe: Probe): Promise<Finding[]> {
  const rights = user.publish === undefined ? [] : await userRights(layout, user, probe);
  const isOfGateways = layout.gateways.includes(user);
  const rest = isOfGateways ? await streams(layout, probe) : await answers(user, probe);
  return [...rights, ...rest];
}

async function userRights(layout: Layout, user: User, probe: Probe): Promise<Finding[]> {
  const [subjects, patterns] = [publishProbes(layout), hearProbes(layout)];
  const [mayPublish, mayHear] = [publishableBy(user, subjects), audibleTo(user, patterns)];
  const published = await probe.publishable(subjects);
  const heard = await probe.audible(patterns);
  return [
    ...rightsFindings({ deed: "publish", subjects, wanted: mayPublish, found: published }),
    ...rightsFindings({ deed: "hear", subjects: patterns, wanted: mayHear, found: heard }),
  ];
}

interface Rights {
  readonly deed: string;
  readonly subjects: readonly string[];
  readonly wanted: readonly string[];
  readonly found: readonly string[];
}

function rightsFindings({ deed, subjects, wanted, found }: Rights): Finding[] {
  const missing = wanted.filter((subject) => !found.includes(subject));
  const excess = found.filter((subject) => !wanted.includes(subject));
  const good = {
    isGood: true,
    what: `may ${deed} the ${wanted.length} of ${subjects.length} subjects that the layout gives it`,
  };
  const findings = [
    ...some(missing, (list) => ({
      isGood: false,
      what: `may not ${deed} ${list}, which its role needs`,
      advice: reload,
    })),
    ...some(excess, (list) => ({
      isGood: false,
      what: `may ${deed} ${list}, which is not its business`,
      advice: reload,
    })),
  ];
  return findings.length > 0 ? findings : [good];
}

/** Whether JetStream acknowledges to this user, and to nowhere else. */
async function answers({ publish = [] }: User, probe: Probe): Promise<Finding[]> {
  const [written] = publish.filter((subject) => /^skein\.[^.]+\.(?:runs|managed)\.\*$/.test(subject));
  if (written === undefined) return [];
  const subject = written.replace("*", probeName);
  const word = await probe.acknowledgement(subject);
  if (word === undefined) {
    const advice = `start a gateway, which makes the streams; when they are there, ${reload}`;
    return [{ isGood: false, what: `hears no acknowledgement of JetStream on ${subject}`, advice }];
  }
  const heard = { isGood: true, what: `hears JetStream's acknowledgement on ${subject}` };
  const id = crypto.randomUUID();
  const isStored = await probe.isAnswerStored(`${subject}-${id}`, `${subject}-${id}-reply`);
  if (isStored === false) return [heard, { isGood: true, what: "cannot have an acknowledgement stored as a message" }];
  const what = isStored
    ? "can have JetStream write its acknowledgement to a subject of its choice, in any org"
    : "cannot find out whether an acknowledgement can be stored as a message";
  const advice = `this user is in one account with the streams: ${reload}`;
  return [heard, { isGood: false, what, advice }];
}

/** Whether the streams are there, and protected as gateways make them. */
async function streams({ stores }: Layout, probe: Probe): Promise<Finding[]> {
  const looks = await Promise.all(stores.map((store) => streamFinding(store, probe)));
  const bad = looks.filter((finding) => finding !== undefined);
  return bad.length > 0 ? bad : [{ isGood: true, what: `${stores.length} streams are there, and none can be purged` }];
}

async function streamFinding({ name, kind }: KeptStore, probe: Probe): Promise<Finding | undefined> {
  const stream = streamName(name);
  const answer = await probe.api(`STREAM.INFO.${stream}`);
  const restart = "start a gateway of this version: it makes streams, and turns on what protects them";
  if (answer === undefined) {
    return { isGood: false, what: `hears nothing of JetStream about ${stream}`, advice: "turn JetStream on" };
  }
  if (answer.config === undefined) return { isGood: false, what: `the stream ${stream} is not there`, advice: restart };
  const wanted = kind === "journal" ? ["deny_purge", "deny_delete"] : ["deny_purge"];
  const missing = wanted.filter((field) => answer.config?.[field] !== true);
  if (missing.length === 0) return undefined;
  return { isGood: false, what: `the stream ${stream} lacks ${missing.join(" and ")}`, advice: restart };
}

function some<Finding>(subjects: readonly string[], tell: (list: string) => Finding): Finding[] {
  if (subjects.length === 0) return [];
  const rest = subjects.length - shown;
  return [tell(`${subjects.slice(0, shown).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`)];
}

const shown = 5;
