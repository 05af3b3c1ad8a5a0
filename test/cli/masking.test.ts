import { property, string, assert as sure } from "fast-check";
import { describe, expect, test } from "vitest";
import { masked, maskedWords } from "../../src/cli/masking.ts";

describe("Of the words of a command", () => {
  test.each([
    [
      ["curl", "-u", "ann:hunter2"],
      ["curl", "-u", "ann:***"],
    ],
    [
      ["curl", "-H", "Authorization: Bearer hunter2.x"],
      ["curl", "-H", "Authorization: ***"],
    ],
    [
      ["curl", "-H", "X-Api-Key: hunter2"],
      ["curl", "-H", "X-Api-Key: ***"],
    ],
    [
      ["curl", "https://x/?a=1&access_token=hunter2&b=2"],
      ["curl", "https://x/?a=1&access_token=***&b=2"],
    ],
    [
      ["psql", "postgres://ann:hunter2@host/db"],
      ["psql", "postgres://ann:***@host/db"],
    ],
    [
      ["env", "DB_PASSWORD=hunter2", "make"],
      ["env", "DB_PASSWORD=***", "make"],
    ],
    [
      ["x", "--client-secret", "hunter2", "y"],
      ["x", "--client-secret", "***", "y"],
    ],
    [
      ["x", "--client-secret=hunter2"],
      ["x", "--client-secret=***"],
    ],
    [
      ["sh", "-c", "deploy --token hunter2 && echo"],
      ["sh", "-c", "deploy --token *** && echo"],
    ],
    [
      ["sh", "-c", `TOKEN="hunter2 x" run`],
      ["sh", "-c", "TOKEN=*** run"],
    ],
    [
      ["x", '{"password": "hunter2", "n": 1}'],
      ["x", '{"password": ***, "n": 1}'],
    ],
    [
      ["x", "ghp_0123456789abcdefghij"],
      ["x", "***"],
    ],
    [
      ["x", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.hunter2"],
      ["x", "***"],
    ],
    [
      ["x", "a".repeat(2000)],
      ["x", `${"a".repeat(1000)}…`],
    ],
  ])("%j remain %j", (words, shown) => {
    expect(maskedWords(words)).toEqual(shown);
  });

  test.each([
    [["pytest", "-k", "auth", "tests/auth", "--author", "ann"]],
    [["make", "PASSES=3", "compass=1", "bypass:on"]],
    [["git", "commit", "-m", "Forget passwords at once", "--", "src/token.ts"]],
    [["docker", "run", "-p", "80:80", "image:1.2"]],
  ])("%j all remain: there is no secret in them", (words) => {
    expect(maskedWords(words)).toEqual(words);
  });

  test("no more than 64 remain", () => {
    expect(maskedWords(Array(100).fill("x"))).toHaveLength(65);
  });

  test("what is long takes no time", () => {
    const words = ["-", "--", "a", "--password", "token", "https://", "Bearer ", "=", " "].map((text) =>
      text.repeat(200_000),
    );
    const beganMs = performance.now();
    maskedWords(words);
    expect(performance.now() - beganMs).toBeLessThan(500);
  });

  test("a secret never remains, whatever it is made of", () => {
    const secret = string({ minLength: 6, maxLength: 40, unit: "grapheme-ascii" }).filter((text) =>
      /^[\w.~+/-]{6,}$/.test(text),
    );
    const holds = property(secret, (text) => {
      const shown = [
        ...maskedWords(["x", "--password", text]),
        ...maskedWords(["x", `--api-key=${text}`, `MY_TOKEN=${text}`, `https://ann:${text}@host/`]),
        masked(`Authorization: Bearer ${text}`),
      ];
      expect(shown.filter((word) => word.includes(text))).toEqual([]);
    });
    sure(holds);
  });
});
