import { X509Certificate } from "node:crypto";
import { readdirSync, rmSync, statSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { Secrets } from "../support/locked-nats.ts";

const secrets = new Secrets("nats.example.com", "10.1.2.3", "fd00::7");
afterAll(() => secrets.remove());

const modeOf = (file: string) => statSync(secrets.path(file)).mode & 0o777;
const content = () => new Map(readdirSync(secrets.folder).map((file) => [file, secrets.read(file)]));

test("deploy/nats/secrets.sh certifies the server for every name and address that it is given", () => {
  const certificate = new X509Certificate(secrets.read("server.pem"));
  for (const name of ["nats", "localhost", "nats.example.com"]) expect(certificate.checkHost(name)).toBe(name);
  for (const address of ["127.0.0.1", "10.1.2.3", "fd00::7"]) expect(certificate.checkIP(address)).toBe(address);
  expect(certificate.checkHost("example.com")).toBeUndefined();
  expect(certificate.verify(new X509Certificate(secrets.read("ca.pem")).publicKey)).toBe(true);
});

test("deploy/nats/secrets.sh makes nothing again that is there, and what was removed alone", () => {
  const before = content();
  secrets.make();
  expect(content()).toEqual(before);
  for (const file of ["gateway.pem", "gateway-key.pem"]) rmSync(secrets.path(file));
  secrets.make();
  const after = content();
  const changed = [...after].filter(([file, text]) => before.get(file) !== text).map(([file]) => file);
  expect(changed.toSorted()).toEqual(["gateway-key.pem", "gateway.pem"]);
  expect([...after.keys()].toSorted()).toEqual([...before.keys()].toSorted());
});

test("deploy/nats/secrets.sh gives the folder to its owner alone, and the key of the authority to nobody else", () => {
  expect([modeOf("."), modeOf("ca-key.pem")]).toEqual([0o700, 0o600]);
  const passwords = Object.values(secrets.passwords);
  expect(passwords).toHaveLength(6);
  expect(new Set(passwords).size).toBe(6);
  for (const password of passwords) expect(password).toMatch(/^p[0-9a-f]{48}$/);
});
