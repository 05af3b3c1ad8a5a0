import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { withoutSecrets } from "../../src/streams/secrets.ts";

const secret = "canary-3f9d";

describe("Under a key that looks like a secret's", () => {
  const keys = [
    ...[
      "password",
      "PASSWORD",
      "db_password",
      "dbPassword",
      "userPasswd",
      "passphrase",
      "pwd",
      "secret",
      "clientSecret",
    ],
    ...[
      "token",
      "access_token",
      "accessToken",
      "GITHUB_TOKEN",
      "x-auth-token",
      "refreshtoken",
      "idToken",
      "jwt",
      "bearer",
    ],
    ...[
      "api_key",
      "apiKey",
      "API-KEY",
      "apikey",
      "OPENAI_API_KEY",
      "private_key",
      "privateKey",
      "ssh_key",
      "secretKey",
    ],
    ...["AWSSecretAccessKey", "Authorization", "proxy-authorization", "auth", "cookie", "Set-Cookie", "session_id"],
    ...["credentials", "dbCredentials", "creds", "pin", "otp", "signature", "encryption_keys"],
  ];

  test.each(keys)("%s, nothing is shown", (key) => {
    for (const value of [secret, [secret], { of: secret }, 42])
      expect(withoutSecrets({ [key]: value })).toEqual({ [key]: "***" });
    expect(withoutSecrets({ [key]: null })).toEqual({ [key]: null });
  });

  test("however deep it lies", () => {
    const place = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { depthSize: "medium" },
        fc.constant({ password: secret }),
        fc.array(tie("value"), { minLength: 1, maxLength: 3 }),
        fc.dictionary(fc.string(), tie("value"), { minKeys: 1, maxKeys: 3 }),
      ),
    }));
    fc.assert(fc.property(place.value, (value) => !JSON.stringify(withoutSecrets({ value })).includes(secret)));
  });

  test("and deeper than anybody looks, nothing is shown at all", () => {
    let deep: unknown = { password: secret };
    for (let level = 0; level < 5_000; level++) deep = [deep];
    expect(JSON.stringify(withoutSecrets(deep))).not.toContain(secret);
  });
});

describe("What looks like no secret", () => {
  const keys = [
    "url",
    "branch",
    "key",
    "keys",
    "primary_key",
    "tokenizer",
    "max_tokens",
    "path",
    "author",
    "passed",
    "monkey",
  ];

  test.each(keys)("is left as it is: %s", (key) => {
    expect(withoutSecrets({ [key]: 7 })).toEqual({ [key]: 7 });
  });

  test("is left as it is, whatever it is", () => {
    const plain = fc.jsonValue().filter((value) => !/[a-z]{3}/i.test(JSON.stringify(value)));
    fc.assert(
      fc.property(plain, (value) => {
        expect(withoutSecrets(value)).toEqual(value);
      }),
    );
  });
});

test.each([
  [`https://user:${secret}@example.com/x`, "https://***@example.com/x"],
  [`git clone https://:${secret}@example.com/x && ls`, "git clone https://***@example.com/x && ls"],
  [`postgres://app:${secret}@db:5432/app`, "postgres://***@db:5432/app"],
  ["ssh://git@example.com/x", "ssh://git@example.com/x"],
  ["https://example.com/a:b@c", "https://example.com/a:b@c"],
])("The address %s is shown without a password", (address, shown) => {
  expect(withoutSecrets({ address })).toEqual({ address: shown });
});

test("Passwords in addresses are found in texts as large as a body may be, whatever they are made of", () => {
  const long = 250_000;
  for (const piece of ["x", "a:", "://", "a://", "a://b:", "a@", "gh"]) {
    const noise = piece.repeat(long / piece.length);
    expect(withoutSecrets(`${noise} https://ann:secret@host`)).toContain("https://***@host");
    expect(withoutSecrets(`${noise} https://ann:secret@host`)).not.toContain("secret");
  }
});
