import { useEffect, useRef, useState } from "react";

const SCROLLED_PX = 60;

/** Is somebody in the middle of the list: scrolled down, pointing at it, or with the focus in it? */
export function useReading() {
  const ref = useRef<HTMLDivElement>(null);
  const [reading, setReading] = useState(false);
  useEffect(() => {
    const area = ref.current;
    let isPointed = false;
    const look = () => {
      const isFocused = area?.contains(document.activeElement) ?? false;
      setReading(isPointed || isFocused || window.scrollY > SCROLLED_PX);
    };
    const point = (event: PointerEvent) => {
      isPointed = event.pointerType === "mouse" && event.type === "pointerenter";
      look();
    };
    // The focus has not arrived yet while it leaves.
    const leave = () => setTimeout(look);
    window.addEventListener("scroll", look, { passive: true });
    area?.addEventListener("pointerenter", point);
    area?.addEventListener("pointerleave", point);
    area?.addEventListener("focusin", look);
    area?.addEventListener("focusout", leave);
    return () => {
      window.removeEventListener("scroll", look);
      area?.removeEventListener("pointerenter", point);
      area?.removeEventListener("pointerleave", point);
      area?.removeEventListener("focusin", look);
      area?.removeEventListener("focusout", leave);
    };
  }, []);
  return { ref, reading };
}
