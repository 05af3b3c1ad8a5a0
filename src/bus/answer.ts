import { headers, type Msg, type MsgHdrs } from "nats";
import { BackgroundError } from "../protocol/background.ts";
import { Failure, type FailureCode } from "../protocol/failure.ts";
import type { Said } from "./bus.ts";
import type { Connection, Question } from "./connection.ts";

const codeHeader = "Skein-Failure";
const messageHeader = "Skein-Failure-Message";

/** The failures that one process may report to another. */
const carried = new Set<string>([
  "bad_request",
  "invalid_body",
  "unknown_stream",
  "unknown_subject",
  "not_found",
  "instance_not_found",
  "forbidden",
  "unknown_template",
  "message_not_found",
  "connection_not_found",
  "node_away",
  "conflict",
  "bus_away",
  "no_responder",
  "shutting_down",
] satisfies FailureCode[]);

/** Answers one request; a Failure travels as headers, anything else that is thrown is reported besides. */
export async function answer(
  connection: Connection,
  message: Msg,
  give: (message: Said) => Promise<Uint8Array>,
): Promise<void> {
  const { subject, data, reply = "" } = message;
  try {
    connection.publish(reply, await give({ subject, data }));
  } catch (thrown) {
    if (!(thrown instanceof Failure)) connection.onException(new BackgroundError(`answering ${subject}`, thrown));
    connection.publish(reply, new Uint8Array(0), failureHeaders(Failure.from(thrown)));
  }
}

/** Asks and waits for the answer; throws the Failure that came instead of one. */
export async function ask(connection: Connection, subject: string, question: Question): Promise<Uint8Array> {
  const { data, headers: found } = await connection.request(subject, question);
  const code = found?.get(codeHeader);
  if (!code) return data;
  const message = found?.get(messageHeader);
  throw isCarried(code) && message ? new Failure(code, message) : Failure.from(undefined);
}

function failureHeaders({ code, message }: Failure): MsgHdrs {
  const h = headers();
  h.set(codeHeader, code);
  h.set(messageHeader, message.replace(/[\r\n]+/g, " "));
  return h;
}

function isCarried(code: string): code is FailureCode {
  return carried.has(code);
}
