import { expect, it } from "vitest";
import { Failures, iconWith } from "./failure-badge";

const ICON = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'%3E%3C/svg%3E";
const textOf = (icon: string) => decodeURIComponent(icon.replace("data:image/svg+xml,", ""));

it("counts what failed since the first look, whatever is retried or removed meanwhile", () => {
  const failures = new Failures();
  failures.saw(7);
  expect(failures.count).toBe(0);
  failures.saw(9);
  failures.saw(1);
  failures.saw(2);
  expect(failures.count).toBe(3);
});

it("draws the number into the icon and leaves it alone without failures", () => {
  expect(iconWith(ICON, 0)).toBe(ICON);
  expect(textOf(iconWith(ICON, 3))).toMatch(/<circle .*>3<\/text><\/svg>$/);
  expect(textOf(iconWith(ICON, 12))).toContain(">9+<");
});
