import { useQuery } from "@tanstack/react-query";
import { sessionQuery, totalsQuery } from "../api/queries";
import type { Total } from "../api/types";
import { withoutFall } from "../components/chart-scale";

/** The last hour's totals by name; undefined for a visitor who may not see everybody's tasks. */
export function useTotals(by: "function" | "queue"): ReadonlyMap<string, Total> | undefined {
  const isAllowed = useQuery(sessionQuery).data?.permissions.view_all ?? false;
  const totals = useQuery({ ...totalsQuery(by), enabled: isAllowed }).data;
  return totals && new Map(totals.map((total) => [total.name, total]));
}

/** What ended by minute. */
export const curveOf = ({ ended }: Total) => withoutFall(ended, (count) => count);

export const endedOf = ({ succeeded, failed, cancelled }: Total) => succeeded + failed + cancelled;
