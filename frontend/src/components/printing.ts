/** Paper is white: a page in dark colours is printed in light ones. */
export function printInLight(): void {
  const root = document.documentElement;
  let before: string | null = null;
  matchMedia("print").addEventListener("change", ({ matches }) => {
    if (matches) {
      before = root.getAttribute("data-mantine-color-scheme");
      root.setAttribute("data-mantine-color-scheme", "light");
    } else if (before) root.setAttribute("data-mantine-color-scheme", before);
  });
}
