// The system: what a state is, which rules hold, and every step it can take.
// A step is "fair" when the system takes it by itself; faults and users are not.
#pragma once
#include <cstdint>
#include <cstring>
#include <map>
#include <string>

#ifndef TASKS
#define TASKS 1
#endif
#ifndef WORKERS
#define WORKERS 2
#endif
constexpr int INCARNATIONS = 4;  // of one worker
using u8 = uint8_t;

enum TaskState : u8 { NONE, SCHEDULED, QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED };
enum Held : u8 {         // what a worker knows of a task
  NOTHING, ON_THE_WIRE,  // the claim committed, its reply is not read yet
  EXECUTING, SUCCESS, FAILURE, STOPPED, KILLED };
enum Process : u8 { UP, FROZEN, SUPERVISOR_FROZEN, HUNG, DOWN };
enum Row : u8 { NO_ROW, ALIVE, GONE };  // of an incarnation

struct State {
  // the database
  u8 state[TASKS], attempt[TASKS], failures[TASKS], losses[TASKS], owner[TASKS], flag[TASKS];
  u8 accepted[TASKS];  // a cancel was accepted since the last explicit retry
  u8 claims[TASKS];    // claims so far, whatever the attempt number says
  u8 row[WORKERS * INCARNATIONS];
  u8 silent[WORKERS * INCARNATIONS];  // a whole lease has passed without a renewal
  // the broker: ready and unacknowledged messages
  u8 ready[TASKS], unacked[WORKERS][TASKS];
  // the workers
  u8 process[WORKERS], incarnation[WORKERS], is_cut_off[WORKERS], draining[WORKERS], reaping[WORKERS];
  u8 held[WORKERS][TASKS], held_attempt[WORKERS][TASKS], held_claim[WORKERS][TASKS];
  // statements that stay in the server after their client is gone
  u8 late_claim[TASKS];
  u8 late_finish[TASKS], late_by[TASKS], late_attempt[TASKS], late_number[TASKS];
  // faults and user actions that are left
  u8 kills, freezes, supervisor_freezes, hangs, cuts, doubles, losses_of_messages, lost_replies;
  u8 cancels, retries, drains;
  bool operator==(const State& o) const { return !memcmp(this, &o, sizeof o); }
};

// 1: the rule holds. Names of faults set how many there may be.
inline std::map<std::string, int> settings = {
    {"reconcile", 2},  // R1; 2: on the thread that claims, 1: on another one, 0: not at all
    {"claim-needs-live-owner", 1}, {"sweep", 1}, {"incarnations", 1},  // R2, R3, R4
    {"fresh-lease", 1}, {"self-stop", 1}, {"self-stop-ends", 1},       // R5, R6
    {"heartbeat-from-loop", 1}, {"guard", 1},                          // R7, R8
    {"drain-releases-all", 1}, {"drain-kills-first", 1}, {"drain-marks-stopped", 1},  // R9
    {"attempt-grows", 1}, {"finish-fence", 1}, {"fence-has-worker", 1},  // R10
    {"cancel-wins", 1}, {"retry-clears-flag", 1},                        // R11
    {"direct-claim", 1},                                                 // R12
    {"reap-in-one-transaction", 1}, {"reap-compares", 1}, {"heartbeat-revives", 0}, {"ack-first", 0},
    {"scheduled-submit", 1}, {"max-held", 2}, {"max-attempts", 2}, {"max-losses", 1},
    {"kills", 0}, {"freezes", 0}, {"supervisor-freezes", 0}, {"hangs", 0}, {"cuts", 0}, {"doubles", 0},
    {"lost-messages", 0}, {"lost-replies", 0}, {"cancels", 0}, {"retries", 0}, {"drains", 0},
    {"strict", 0},  // 1: no excuse for two executors at once
    {"most-states", 6000000}};

inline std::string violation;  // set by a step that must not have its effect

struct Rules {
  int reconcile, live_owner, sweep, incarnations, fresh, self_stop, self_stop_ends, loop_heartbeat, guard;
  int release_all, kill_first, mark_stopped, attempt_grows, fence, fence_worker, cancel_wins, clear_flag;
  int direct, reap_once, compare, revive, ack_first, scheduled_submit, max_held, max_attempts, max_losses, strict;
  Rules()
      : reconcile(settings["reconcile"]), live_owner(settings["claim-needs-live-owner"]),
        sweep(settings["sweep"]), incarnations(settings["incarnations"]), fresh(settings["fresh-lease"]),
        self_stop(settings["self-stop"]), self_stop_ends(settings["self-stop-ends"]),
        loop_heartbeat(settings["heartbeat-from-loop"]), guard(settings["guard"]),
        release_all(settings["drain-releases-all"]), kill_first(settings["drain-kills-first"]),
        mark_stopped(settings["drain-marks-stopped"]), attempt_grows(settings["attempt-grows"]),
        fence(settings["finish-fence"]), fence_worker(settings["fence-has-worker"]),
        cancel_wins(settings["cancel-wins"]), clear_flag(settings["retry-clears-flag"]),
        direct(settings["direct-claim"]), reap_once(settings["reap-in-one-transaction"]),
        compare(settings["reap-compares"]), revive(settings["heartbeat-revives"]),
        ack_first(settings["ack-first"]), scheduled_submit(settings["scheduled-submit"]),
        max_held(settings["max-held"]), max_attempts(settings["max-attempts"]),
        max_losses(settings["max-losses"]), strict(settings["strict"]) {}
};

inline int key_of(const State& s, int w) { return w * INCARNATIONS + s.incarnation[w]; }
inline bool is_terminal(u8 state) { return state >= SUCCEEDED; }
inline bool has_outcome(u8 held) { return held >= SUCCESS && held <= STOPPED; }
inline bool reaches_database(const State& s, int w) { return s.process[w] == UP && !s.is_cut_off[w]; }
inline bool is_fresh(const Rules& r, const State& s, int w) {
  int key = key_of(s, w);
  return !r.fresh || (s.row[key] == ALIVE && !s.silent[key]);
}

inline void publish(State& n, int t) { if (n.ready[t] < 2) n.ready[t]++; }
inline void redeliver(State& n, int w) {
  for (int t = 0; t < TASKS; t++)
    if (n.unacked[w][t]) { n.unacked[w][t] = 0; publish(n, t); }
}
inline void forget(State& n, int w, int t) { n.held[w][t] = n.held_attempt[w][t] = n.held_claim[w][t] = 0; }
inline void die(State& n, int w) {
  for (int t = 0; t < TASKS; t++) forget(n, w, t);
  redeliver(n, w);
  n.process[w] = DOWN;
  n.draining[w] = n.reaping[w] = n.is_cut_off[w] = 0;
}

// Back to waiting: released, drained, swept or reaped.
inline void requeue(const Rules& r, State& n, int t, bool is_loss) {
  if (is_loss) n.losses[t]++;
  n.owner[t] = 0;
  if (n.flag[t] && r.cancel_wins) n.state[t] = CANCELLED;
  else if (is_loss && n.losses[t] > r.max_losses) n.state[t] = FAILED;
  else n.state[t] = QUEUED;
}

inline bool claim(const Rules& r, State& n, int t, int key) {
  if (n.state[t] != QUEUED || (r.live_owner && n.row[key] != ALIVE)) return false;
  if (n.accepted[t]) violation = "a task whose cancel was accepted is claimed again";
  n.state[t] = RUNNING;
  n.attempt[t]++;
  n.claims[t]++;
  n.owner[t] = key + 1;
  return true;
}

inline void finish(const Rules& r, State& n, int t, int outcome, int key, int attempt, int number) {
  bool matches = r.fence ? n.state[t] == RUNNING && n.attempt[t] == attempt &&
                               (!r.fence_worker || n.owner[t] == key + 1)
                         : n.state[t] != NONE;
  if (!matches) return;
  if (n.claims[t] != number || n.state[t] != RUNNING) violation = "a finish of an old claim took effect";
  n.owner[t] = 0;
  if (outcome == SUCCESS) n.state[t] = SUCCEEDED;
  else if (outcome == STOPPED) n.state[t] = CANCELLED;
  else {
    n.failures[t]++;
    if (n.flag[t] && r.cancel_wins) n.state[t] = CANCELLED;
    else n.state[t] = n.failures[t] < r.max_attempts ? SCHEDULED : FAILED;
  }
}
