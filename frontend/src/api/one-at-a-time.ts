import { useRef } from "react";

/**
 * `mutateAsync`, deaf while its last call is under way: the second half of a double click comes before
 * `isPending` is drawn. The mutation's own `onError` tells of failures.
 */
export function useOneAtATime<Variables>(mutateAsync: (variables: Variables) => Promise<unknown>) {
  const isUnderWay = useRef(false);
  return (variables: Variables) => {
    if (isUnderWay.current) return;
    isUnderWay.current = true;
    const end = () => {
      isUnderWay.current = false;
    };
    mutateAsync(variables).then(end, end);
  };
}
