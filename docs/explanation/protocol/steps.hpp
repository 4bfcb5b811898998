// Every step from a state. `emit(next, is_fair, text, a, b)`; the text takes a and b like printf.
#pragma once
#include "system.hpp"

template <class Emit> void task_steps(const Rules& r, const State& s, Emit emit) {
  State n;
  for (int t = 0; t < TASKS; t++) {
    if (s.state[t] == NONE && (t == 0 || s.state[t - 1] != NONE)) {
      n = s; n.state[t] = QUEUED; publish(n, t); emit(n, false, "submit T%d, message published", t, 0);
      if (s.losses_of_messages) { n = s; n.state[t] = QUEUED; n.losses_of_messages--; emit(n, false, "submit T%d, publish lost", t, 0); }
      if (r.scheduled_submit) { n = s; n.state[t] = SCHEDULED; emit(n, false, "submit T%d for later", t, 0); }
    }
    if (s.state[t] != NONE && s.doubles && s.ready[t] < 2) { n = s; n.doubles--; n.ready[t]++; emit(n, false, "a message of T%d is doubled or forged", t, 0); }
    if (s.ready[t] && s.losses_of_messages) { n = s; n.losses_of_messages--; n.ready[t]--; emit(n, false, "the broker loses a message of T%d", t, 0); }
    if (s.late_claim[t]) {
      n = s; n.late_claim[t] = 0; claim(r, n, t, s.late_claim[t] - 1);
      emit(n, true, "the server commits the claim of T%d whose client is gone (incarnation %d)", t, s.late_claim[t] - 1);
      n = s; n.late_claim[t] = 0; emit(n, true, "the server aborts the claim of T%d", t, 0);
    }
    if (s.late_finish[t]) {
      n = s; n.late_finish[t] = n.late_by[t] = n.late_attempt[t] = n.late_number[t] = 0;
      State committed = n;
      finish(r, committed, t, s.late_finish[t], s.late_by[t], s.late_attempt[t], s.late_number[t]);
      emit(n, true, "the server aborts the finish of T%d", t, 0);
      emit(committed, true, "the server commits the finish of T%d", t, 0);
    }
    if (s.cancels && s.state[t] != NONE && !is_terminal(s.state[t]) && !s.accepted[t]) {
      n = s; n.cancels--; n.accepted[t] = 1;
      if (s.state[t] == RUNNING) n.flag[t] = 1; else n.state[t] = CANCELLED;
      emit(n, false, s.state[t] == RUNNING ? "user cancels running T%d" : "user cancels waiting T%d", t, 0);
    }
    if (s.retries && is_terminal(s.state[t])) {
      n = s; n.retries--; n.state[t] = QUEUED; n.failures[t] = n.losses[t] = n.accepted[t] = 0;
      if (r.clear_flag) n.flag[t] = 0;
      if (!r.attempt_grows) n.attempt[t] = 0;
      publish(n, t); emit(n, false, "user retries T%d", t, 0);
    }
  }
}

template <class Emit> void claim_steps(const Rules& r, const State& s, int w, int t, Emit emit) {
  State n;
  int key = key_of(s, w), load = 0;
  for (int other = 0; other < TASKS; other++) load += s.held[w][other] != NOTHING;
  auto taken = [&](const char* text) {
    n.held[w][t] = ON_THE_WIRE; n.held_attempt[w][t] = n.attempt[t]; n.held_claim[w][t] = n.claims[t];
    emit(n, true, text, w, t);
  };
  if (reaches_database(s, w) && is_fresh(r, s, w) && !s.draining[w] && !s.held[w][t] && load < r.max_held) {
    if (s.unacked[w][t]) {
      n = s;
      if (claim(r, n, t, key)) { if (r.ack_first) n.unacked[w][t] = 0; taken("W%d claims T%d by message (committed, reply on the wire)"); }
      else { n = s; n.unacked[w][t] = 0; emit(n, true, "W%d loses the claim of T%d, acks", w, t); }
    }
    if (r.direct && s.state[t] == QUEUED) { n = s; if (claim(r, n, t, key)) taken("W%d claims T%d directly (committed, reply on the wire)"); }
    if (s.lost_replies && s.state[t] == QUEUED && (s.unacked[w][t] || r.direct)) {
      n = s; n.lost_replies--;
      if (claim(r, n, t, key)) emit(n, false, "W%d's claim of T%d commits, the connection breaks before the reply", w, t);
      if (!s.late_claim[t]) { n = s; n.lost_replies--; n.late_claim[t] = key + 1; emit(n, false, "W%d's claim of T%d stays in the server, its connection breaks", w, t); }
    }
  } else if (s.unacked[w][t] && reaches_database(s, w) && (s.draining[w] || s.held[w][t] > ON_THE_WIRE)) {
    n = s; n.unacked[w][t] = 0;
    if (s.draining[w] && n.ready[t] < 2) n.ready[t]++;
    emit(n, true, "W%d settles a spare message of T%d", w, t);
  }
  if (s.held[w][t] == ON_THE_WIRE && !s.is_cut_off[w] && is_fresh(r, s, w)) {
    n = s; n.held[w][t] = EXECUTING; n.unacked[w][t] = 0; emit(n, true, "W%d learns that it owns T%d, acks, starts it", w, t);
    if (s.unacked[w][t] && s.doubles) { n.doubles--; publish(n, t); emit(n, false, "W%d learns that it owns T%d, its ack is lost, starts it", w, t); }
  }
}

template <class Emit> void run_steps(const Rules& r, const State& s, int w, int t, Emit emit) {
  State n;
  int key = key_of(s, w);
  bool is_mine = s.state[t] == RUNNING && s.owner[t] == key + 1;
  if (s.held[w][t] == EXECUTING) {
    n = s; n.held[w][t] = SUCCESS; emit(n, true, "T%d returns on W%d", t, w);
    n.held[w][t] = FAILURE; emit(n, true, "T%d raises, or its executor dies, on W%d", t, w);
    if (reaches_database(s, w) && s.flag[t] && is_mine && s.held_attempt[w][t] == s.attempt[t]) { n.held[w][t] = STOPPED; emit(n, true, "W%d sees the cancel flag and stops T%d", w, t); }
  }
  if (has_outcome(s.held[w][t]) && reaches_database(s, w)) {
    n = s; finish(r, n, t, s.held[w][t], key, s.held_attempt[w][t], s.held_claim[w][t]);
    State kept = n;
    forget(n, w, t); emit(n, true, "W%d records the outcome of T%d", w, t);
    if (s.lost_replies) {
      kept.lost_replies--; emit(kept, false, "W%d's finish of T%d commits, its reply is lost", w, t);
      if (!s.late_finish[t]) {
        n = s; n.lost_replies--; n.late_finish[t] = s.held[w][t]; n.late_by[t] = key;
        n.late_attempt[t] = s.held_attempt[w][t]; n.late_number[t] = s.held_claim[w][t];
        emit(n, false, "W%d's finish of T%d stays in the server, its connection breaks", w, t);
      }
    }
  }
  if (!reaches_database(s, w)) return;
  if (r.reconcile && is_mine) {
    bool is_known = s.held[w][t] && s.held_attempt[w][t] == s.attempt[t], in_flight = false;
    for (int other = 0; other < TASKS; other++) in_flight |= s.held[w][other] == ON_THE_WIRE;
    if (r.reconcile == 1 && s.held[w][t] == ON_THE_WIRE) is_known = false;
    if (!is_known && !(r.reconcile == 2 && in_flight)) { n = s; requeue(r, n, t, false); emit(n, true, "W%d reconciles: releases T%d, which it owns and does not run", w, t); }
  }
  if (s.state[t] == SCHEDULED) {
    n = s; n.state[t] = QUEUED; publish(n, t); emit(n, true, "W%d promotes T%d and publishes", w, t);
    if (s.losses_of_messages) { n = s; n.state[t] = QUEUED; n.losses_of_messages--; emit(n, false, "W%d promotes T%d, publish lost", w, t); }
  }
  if (r.sweep && s.state[t] == RUNNING && s.row[s.owner[t] - 1] != ALIVE) { n = s; requeue(r, n, t, true); emit(n, true, "W%d sweeps the orphan T%d", w, t); }
}
