// The steps of a worker as a whole: its lease, the reaper, draining, and what befalls it.
#pragma once
#include "steps.hpp"

template <class Emit> void lease_steps(const Rules& r, const State& s, int w, Emit emit) {
  State n;
  int key = key_of(s, w);
  if (s.is_cut_off[w] && r.self_stop) {
    bool any = false;
    n = s;
    for (int t = 0; t < TASKS; t++) if (s.held[w][t] == EXECUTING) { any = true; forget(n, w, t); }
    if (any) { if (r.self_stop_ends) die(n, w); emit(n, true, r.self_stop_ends ? "W%d stops itself: kills its executors, ends" : "W%d stops itself: kills its executors, goes on", w, 0); }
  }
  if (!reaches_database(s, w)) return;
  if (s.row[key] == ALIVE && s.silent[key]) {
    n = s; n.silent[key] = r.compare ? 0 : 2;
    if (r.compare || s.silent[key] != 2) emit(n, true, "W%d renews its lease", w, 0);
  }
  if (s.row[key] == GONE) {
    n = s;
    if (r.revive) { n.row[key] = ALIVE; n.silent[key] = 0; emit(n, true, "W%d's heartbeat revives its lost row", w, 0); }
    else { die(n, w); emit(n, true, "W%d learns that it is lost: kills its executors, ends", w, 0); }
  }
  for (int other = 0; other < WORKERS * INCARNATIONS; other++) {
    if (other == key || s.row[other] != ALIVE || !s.silent[other]) continue;
    n = s;
    if (s.silent[other] == 2) violation = "a worker that renewed its lease was declared lost";
    n.row[other] = GONE; n.silent[other] = 0;
    if (r.reap_once) {
      for (int t = 0; t < TASKS; t++) if (s.state[t] == RUNNING && s.owner[t] == other + 1) requeue(r, n, t, true);
      emit(n, true, "W%d's reaper declares incarnation %d lost and requeues its rows", w, other);
    } else if (!s.reaping[w]) { n.reaping[w] = other + 1; emit(n, true, "W%d's reaper declares incarnation %d lost, requeue to follow", w, other); }
  }
  if (s.reaping[w]) {
    n = s; n.reaping[w] = 0;
    for (int t = 0; t < TASKS; t++) if (s.state[t] == RUNNING && s.owner[t] == s.reaping[w]) requeue(r, n, t, true);
    emit(n, true, "W%d's reaper requeues the rows of incarnation %d", w, s.reaping[w] - 1);
  }
}

template <class Emit> void drain_steps(const Rules& r, const State& s, int w, Emit emit) {
  State n;
  int key = key_of(s, w);
  if (s.drains && !s.draining[w]) { n = s; n.drains--; n.draining[w] = 1; emit(n, false, "W%d gets SIGTERM", w, 0); }
  if (s.draining[w] == 1) {
    n = s; n.draining[w] = 2;
    if (r.kill_first) {
      for (int t = 0; t < TASKS; t++) if (s.held[w][t] == EXECUTING) n.held[w][t] = KILLED;
      emit(n, true, "W%d's drain time is over: kills its executors", w, 0);
    } else if (reaches_database(s, w)) {
      for (int t = 0; t < TASKS; t++)
        if (s.held[w][t] == EXECUTING && s.state[t] == RUNNING && s.attempt[t] == s.held_attempt[w][t] && s.owner[t] == key + 1) requeue(r, n, t, false);
      emit(n, true, "W%d's drain time is over: requeues while its executors live", w, 0);
    }
  }
  if (s.draining[w] == 2) {
    bool has_outcomes = false;
    for (int t = 0; t < TASKS; t++) has_outcomes |= has_outcome(s.held[w][t]);
    if (has_outcomes || !reaches_database(s, w)) return;
    n = s;
    for (int t = 0; t < TASKS; t++) {
      bool is_mine = s.state[t] == RUNNING && s.owner[t] == key + 1;
      bool is_known = s.held[w][t] == KILLED && s.held_attempt[w][t] == s.attempt[t];
      if (is_mine && (r.release_all || is_known)) requeue(r, n, t, false);
    }
    die(n, w);
    if (r.mark_stopped) n.row[key] = GONE;
    emit(n, true, "W%d releases what it holds and exits", w, 0);
  }
}

template <class Emit> void fault_steps(const State& s, int w, Emit emit) {
  State n;
  if (s.freezes) { n = s; n.freezes--; n.process[w] = FROZEN; emit(n, false, "W%d's whole machine freezes", w, 0); }
  if (s.supervisor_freezes) { n = s; n.supervisor_freezes--; n.process[w] = SUPERVISOR_FROZEN; emit(n, false, "W%d's supervisor freezes, its executors go on", w, 0); }
  if (s.hangs) { n = s; n.hangs--; n.process[w] = HUNG; emit(n, false, "W%d's event loop hangs", w, 0); }
  if (s.cuts && !s.is_cut_off[w]) {
    n = s; n.cuts--; n.is_cut_off[w] = 1;
    for (int t = 0; t < TASKS; t++) if (n.held[w][t] == ON_THE_WIRE) forget(n, w, t);
    emit(n, false, "W%d cannot reach the database", w, 0);
  }
  if (s.is_cut_off[w]) { n = s; n.is_cut_off[w] = 0; emit(n, false, "W%d reaches the database again", w, 0); }
}

template <class Emit> void stopped_steps(const Rules& r, const State& s, int w, Emit emit) {
  State n;
  int key = key_of(s, w);
  if (s.process[w] != HUNG) { n = s; n.process[w] = UP; emit(n, false, "W%d thaws", w, 0); }
  bool any = false;
  for (int t = 0; t < TASKS; t++) any |= s.unacked[w][t];
  if (any) { n = s; redeliver(n, w); emit(n, true, "the broker drops W%d's connection, redelivers", w, 0); }
  if (s.process[w] != FROZEN && r.guard) {
    bool runs = false;
    n = s;
    for (int t = 0; t < TASKS; t++) if (s.held[w][t] == EXECUTING) { runs = true; n.held[w][t] = FAILURE; }
    if (runs) emit(n, true, "W%d's guard kills the executors: no tick from the supervisor", w, 0);
  }
  if (s.process[w] == HUNG && !r.loop_heartbeat && s.row[key] == ALIVE && s.silent[key]) { n = s; n.silent[key] = 0; emit(n, true, "W%d's heartbeat thread renews", w, 0); }
}

// A lease passes only where the worker could not renew, and only after its executors were stopped in time.
template <class Emit> void time_steps(const Rules& r, const State& s, Emit emit) {
  for (int w = 0; w < WORKERS; w++)
    for (int i = 0; i < INCARNATIONS; i++) {
      int key = w * INCARNATIONS + i;
      if (s.row[key] != ALIVE || s.silent[key]) continue;
      bool executes = false, passes = false;
      for (int t = 0; t < TASKS; t++) executes |= s.held[w][t] == EXECUTING;
      if (i != s.incarnation[w] || s.process[w] == DOWN || s.process[w] == FROZEN) passes = true;
      else if (s.process[w] == SUPERVISOR_FROZEN || (s.process[w] == HUNG && r.loop_heartbeat)) passes = !(r.guard && executes);
      else if (s.process[w] == UP && s.is_cut_off[w]) passes = !(r.self_stop && executes);
      if (passes) { State n = s; n.silent[key] = 1; emit(n, true, "a whole lease passes with incarnation %d silent", key, 0); }
    }
}

template <class Emit> void steps(const Rules& r, const State& s, Emit emit) {
  task_steps(r, s, emit);
  for (int w = 0; w < WORKERS; w++) {
    if (s.process[w] == DOWN) {
      if (!r.incarnations || s.incarnation[w] < INCARNATIONS - 1) {
        State n = s;
        if (r.incarnations) n.incarnation[w]++;
        int key = key_of(n, w);
        n.row[key] = ALIVE; n.silent[key] = 0; n.process[w] = UP;
        emit(n, true, "worker W%d starts as incarnation %d", w, key);
      }
      continue;
    }
    if (s.process[w] == UP) {
      for (int t = 0; t < TASKS; t++) {
        if (s.ready[t] && !s.draining[w] && !s.unacked[w][t]) { State n = s; n.ready[t]--; n.unacked[w][t] = 1; emit(n, true, "W%d receives a message of T%d", w, t); }
        claim_steps(r, s, w, t, emit);
        run_steps(r, s, w, t, emit);
      }
      lease_steps(r, s, w, emit);
      drain_steps(r, s, w, emit);
      fault_steps(s, w, emit);
    } else {
      stopped_steps(r, s, w, emit);
    }
    if (s.kills) { State n = s; n.kills--; die(n, w); emit(n, false, "W%d's supervisor is killed", w, 0); }
  }
  time_steps(r, s, emit);
}
