import { describe, expect, test } from "vitest";
import { LogPattern } from "../../src/logs/pattern.ts";

describe("a pattern of logs", () => {
  test("leads from names to paths and from entries back to names", () => {
    const pattern = new LogPattern("/var/log/agents/{name}.log");
    expect(pattern.directory).toBe("/var/log/agents");
    expect(pattern.root).toBe("/var/log/agents");
    expect(pattern.pathOf("api")).toBe("/var/log/agents/api.log");
    expect(pattern.nameOf("api.log")).toBe("api");
    expect(pattern.nameOf("api.log.1")).toBeUndefined();
    expect(pattern.nameOf("api.txt")).toBeUndefined();
  });

  test("may give each log a directory of its own", () => {
    const pattern = new LogPattern("/var/log/agent-{name}/now/current.log");
    expect(pattern.directory).toBe("/var/log");
    expect(pattern.isNested).toBe(true);
    expect(pattern.pathOf("a.b")).toBe("/var/log/agent-a.b/now/current.log");
    expect(pattern.nameOf("agent-a.b")).toBe("a.b");
  });

  test("begins where it is told when it is relative, and may have a wider root", () => {
    const pattern = new LogPattern("logs/{name}.log", { cwd: "/srv", root: "." });
    expect(pattern.pathOf("a")).toBe("/srv/logs/a.log");
    expect(pattern.root).toBe("/srv");
    expect(new LogPattern("{name}.log").directory).toBe(process.cwd());
  });

  test("does not take what is before the name for what is behind it", () => {
    const pattern = new LogPattern("/l/aba{name}bab");
    expect(pattern.nameOf("ababab")).toBeUndefined();
    expect(pattern.nameOf("abaxbab")).toBe("x");
  });

  test.each(["", ".", "..", "a..b", "../a", "a/b", "/etc/passwd", ".hidden", "-rf", "a b", "a\nb", "a\0", "ä"])(
    "has no path for the name %j",
    (name) => {
      const pattern = new LogPattern("/l/{name}.log");
      expect(pattern.pathOf(name)).toBeUndefined();
      expect(pattern.nameOf(`${name}.log`)).toBeUndefined();
    },
  );

  test("knows names of 128 characters and no longer ones", () => {
    const pattern = new LogPattern("/l/{name}.log");
    expect(pattern.nameOf(`${"n".repeat(128)}.log`)).toBe("n".repeat(128));
    expect(pattern.nameOf(`${"n".repeat(129)}.log`)).toBeUndefined();
  });

  test("takes no rotated file for a log where nothing follows the name", () => {
    const pattern = new LogPattern("/l/{name}");
    expect(pattern.nameOf("api")).toBe("api");
    expect(pattern.nameOf("api.1")).toBeUndefined();
    expect(pattern.pathOf("api.1")).toBeUndefined();
  });

  test.each([
    ["/var/log/agents.log", /must contain \{name\} exactly once/],
    ["/var/log/{name}/{name}.log", /must contain \{name\} exactly once/],
    ["/var/log/{name}/", /must name a file/],
  ])("is refused in words when it is %j", (text, words) => {
    expect(() => new LogPattern(text)).toThrow(words);
  });
});
