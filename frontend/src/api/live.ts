/** The one websocket: subscriptions, acknowledgements, and the way of its frames into the cache. */
import { hashKey, type QueryClient, type QueryKey } from "@tanstack/react-query";
import ReconnectingWebSocket from "partysocket/ws";
import { useEffect } from "react";
import { applyFrame } from "./feed";
import { keys } from "./queries";
import { currentStatus, onStatus, reportSocket } from "./status";
import type { ServerFrame } from "./types";

const REFETCH_GAP_MS = 1_000;
/** In a flood each answer is a page of new rows: what nobody can read need not be drawn more often. */
const FLOOD_GAP_MS = 2_500;
/** So many `stale` frames (4 a second at most) without news between them are a flood. */
const FLOOD_FRAMES = 4;
/** The server's word for: this visitor may see nothing. */
const CLOSE_UNAUTHORIZED = 4401;

type Topic = "tasks" | `task:${string}` | `batch:${string}`;

/** How long to wait between two fetches of one thing, by the frames that came last. */
export function pace() {
  let stale = 0;
  return {
    heard: ({ type }: ServerFrame) => {
      if (type === "stale") stale += 1;
      else if (type === "events") stale = 0;
    },
    gapMs: () => (stale >= FLOOD_FRAMES ? FLOOD_GAP_MS : REFETCH_GAP_MS),
  };
}

/** Runs at once, then at most once per gap for each key; the last wish is never dropped. */
export function throttleByKey(gapMs: () => number, run: (key: QueryKey) => void) {
  const waiting = new Map<string, boolean>();
  const open = (key: QueryKey) => {
    const hash = hashKey(key);
    waiting.set(hash, false);
    run(key);
    setTimeout(() => {
      const again = waiting.get(hash);
      waiting.delete(hash);
      if (again) open(key);
    }, gapMs());
  };
  return (key: QueryKey) => {
    const hash = hashKey(key);
    if (waiting.has(hash)) waiting.set(hash, true);
    else open(key);
  };
}

const topics = new Map<Topic, number>();
let socket: ReconnectingWebSocket | undefined;

function tell(message: { type: "subscribe" | "unsubscribe"; topic: Topic } | { type: "ack"; seq: number }) {
  // Without an open socket nothing is kept: every subscription is sent again on opening.
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

/** A hidden tab stops the streams of many tasks; that of one task keeps its title telling the progress. */
const isWanted = (topic: Topic) => document.visibilityState === "visible" || topic.startsWith("task:");

function onVisibility() {
  const type = document.visibilityState === "visible" ? "subscribe" : "unsubscribe";
  for (const topic of topics.keys()) if (!topic.startsWith("task:")) tell({ type, topic });
}

export function subscribe(topic: Topic): () => void {
  const before = topics.get(topic) ?? 0;
  topics.set(topic, before + 1);
  if (before === 0 && isWanted(topic)) tell({ type: "subscribe", topic });
  return () => {
    const left = (topics.get(topic) ?? 1) - 1;
    if (left > 0) {
      topics.set(topic, left);
      return;
    }
    topics.delete(topic);
    tell({ type: "unsubscribe", topic });
  };
}

export function useTopic(topic: Topic) {
  useEffect(() => subscribe(topic), [topic]);
}

/** After a log-in or log-out: the socket keeps the rights it was opened with. */
export const reconnect = () => socket?.reconnect();

export function connectLive(cache: QueryClient): void {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const ws = new ReconnectingWebSocket(`${scheme}://${location.host}/ws/`, [], {
    minReconnectionDelay: 500,
    maxReconnectionDelay: 15_000,
    connectionTimeout: 5_000,
    maxEnqueuedMessages: 0,
  });
  socket = ws;
  const { heard, gapMs } = pace();
  const refetch = throttleByKey(gapMs, (queryKey) => void cache.invalidateQueries({ queryKey }));
  ws.addEventListener("open", () => {
    reportSocket(true);
    for (const topic of topics.keys()) if (isWanted(topic)) tell({ type: "subscribe", topic });
    void cache.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== keys.functions[0] });
  });
  ws.addEventListener("close", (event) => {
    reportSocket(false);
    if (event.code !== CLOSE_UNAUTHORIZED) return;
    ws.close();
    void cache.invalidateQueries({ queryKey: keys.session });
  });
  ws.addEventListener("message", (event) => {
    const frame = JSON.parse(event.data as string) as ServerFrame;
    heard(frame);
    try {
      for (const key of applyFrame(cache, frame)) refetch(key);
    } finally {
      if (frame.type !== "error") tell({ type: "ack", seq: frame.seq });
    }
  });
  document.addEventListener("visibilitychange", onVisibility);
  window.addEventListener("online", () => ws.reconnect());
  onStatus(() => {
    if (currentStatus() === "offline" && ws.readyState === WebSocket.OPEN) ws.reconnect();
  });
}
