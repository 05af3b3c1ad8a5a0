import { z } from "zod";
import { type Principal, roles } from "./principal.ts";

const names = z.array(z.string()).exactOptional();

const passport = z.object({
  subject: z.string(),
  roles: z.array(z.enum(roles)),
  scope: z.object({ instances: names, crews: names }).exactOptional(),
  token: z.object({ id: z.string().exactOptional(), issuedAtMs: z.number(), expiresAtMs: z.number() }).exactOptional(),
});

/** A principal as gateways tell each other; its org is in the subject. */
export type Passport = z.infer<typeof passport>;

/** The schema of a passport, for bodies that have one among other things. */
export const passportShape: z.ZodType<Passport> = passport;

/** What gateways tell each other of a principal. */
export function passportOf({ subject, roles: held, scope, token }: Principal): Passport {
  const lists = {
    ...(scope?.instances && { instances: [...scope.instances] }),
    ...(scope?.crews && { crews: [...scope.crews] }),
  };
  return { subject, roles: [...held], ...(scope && { scope: lists }), ...(token && { token }) };
}

/** The principal that a passport is about. */
export function bearerOf({ roles: held, ...rest }: Passport, org: string): Principal {
  return { ...rest, org, roles: new Set(held) };
}
