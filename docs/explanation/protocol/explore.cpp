// Explores every reachable state, breadth first, so that the trace of a fault is the shortest one.
//
// Safety is checked on every step. Liveness: from every reachable state, each submitted task can still end
// by fair steps alone, as long as one worker lives.
//   g++ -O2 -std=c++17 -DTASKS=1 -DWORKERS=2 -o explore explore.cpp && ./explore kills=1 reconcile=0
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <unordered_map>
#include <utility>
#include <vector>
#include "worker_steps.hpp"

struct Hash {
  size_t operator()(const State& s) const {
    const u8* byte = reinterpret_cast<const u8*>(&s);
    uint64_t h = 1469598103934665603ull;
    for (size_t i = 0; i < sizeof s; i++) h = (h ^ byte[i]) * 1099511628211ull;
    return h ^ (h >> 29);
  }
};

static bool overlap_seen = false;

static std::string broken(const Rules& r, const State& a, const State& b, const char* text) {
  bool is_retry = !strncmp(text, "user retries", 12);
  for (int t = 0; t < TASKS; t++) {
    if (is_terminal(a.state[t]) && b.state[t] != a.state[t] && !is_retry) return "an ended row changed without an explicit retry";
    if (b.attempt[t] < a.attempt[t] && !is_retry) return "the attempt went down";
    if (b.failures[t] > r.max_attempts || b.losses[t] > r.max_losses + 1) return "a budget was exceeded";
    if (b.state[t] == CANCELLED && a.state[t] != CANCELLED && !b.accepted[t]) return "cancelled although nobody asked since the last retry";
    if (b.state[t] == RUNNING && !b.owner[t]) return "running without an owner";
    int executors = 0;
    bool is_excused = false;
    for (int w = 0; w < WORKERS; w++)
      if (b.process[w] != DOWN && b.held[w][t] == EXECUTING) { executors++; is_excused |= b.row[key_of(b, w)] == GONE; }
    if (executors > 1) overlap_seen = true;
    if (executors > 1 && r.strict) return "two executors run one task";
    if (executors > 1 && !is_excused) return "two executors run one task and neither worker was declared lost";
  }
  return "";
}

static std::string label(const char* text, int a, int b) {
  char buffer[300];
  snprintf(buffer, sizeof buffer, text, a, b);
  return buffer;
}

class Explorer {
 public:
  explicit Explorer(const State& start) { add(start, 0); }

  int run() {
    bool is_complete = true;
    for (size_t i = 0; i < states_.size(); i++) {
      if (states_.size() > size_t(settings["most-states"])) { is_complete = false; break; }
      if (!expand(i)) return 1;
    }
    printf("safe: %zu states, %zu steps, %s; two executors at once %s\n", states_.size(), edges_, is_complete ? "complete" : "CUT OFF",
           overlap_seen ? "only with a worker already declared lost" : "never");
    return is_complete ? live() : 0;
  }

 private:
  uint32_t add(const State& s, uint32_t parent) {
    auto found = index_.emplace(s, uint32_t(states_.size()));
    if (found.second) { states_.push_back(s); parents_.push_back(parent); }
    return found.first->second;
  }

  bool expand(size_t i) {
    State s = states_[i], bad_state{};
    std::string why, bad_step;
    steps(rules_, s, [&](const State& n, bool is_fair, const char* text, int a, int b) {
      edges_++;
      std::string fault = std::exchange(violation, "");
      if (!why.empty()) return;
      if (fault.empty()) fault = broken(rules_, s, n, text);
      if (!fault.empty()) { why = fault; bad_state = n; bad_step = label(text, a, b); return; }
      uint32_t next = add(n, i);
      if (is_fair) fair_.push_back({next, uint32_t(i)});
    });
    if (why.empty()) return true;
    printf("UNSAFE: %s\n", why.c_str());
    size_t length = show(i);
    printf("  %2zu. %s\n", length, bad_step.c_str());
    rows(bad_state);
    return false;
  }

  // Backwards from the states in which every submitted task has ended.
  int live() {
    size_t count = states_.size();
    std::vector<uint32_t> head(count + 1, 0), from(fair_.size()), todo;
    std::vector<char> can_end(count, 0);
    for (auto& edge : fair_) head[edge.first + 1]++;
    for (size_t i = 0; i < count; i++) head[i + 1] += head[i];
    std::vector<uint32_t> place(head.begin(), head.end() - 1);
    for (auto& edge : fair_) from[place[edge.first]++] = edge.second;
    for (size_t i = 0; i < count; i++) if (has_ended(states_[i])) { can_end[i] = 1; todo.push_back(i); }
    while (!todo.empty()) {
      uint32_t i = todo.back();
      todo.pop_back();
      for (uint32_t e = head[i]; e < head[i + 1]; e++)
        if (!can_end[from[e]]) { can_end[from[e]] = 1; todo.push_back(from[e]); }
    }
    size_t stuck = 0, first = 0;
    for (size_t i = 0; i < count; i++)
      if (!can_end[i] && counts(states_[i]) && !stuck++) first = i;
    if (!stuck) { printf("live\n"); return 0; }
    printf("STUCK: %zu states from which no fair steps end every task; the nearest:\n", stuck);
    show(first);
    rows(states_[first]);
    return 1;
  }

  static bool has_ended(const State& s) {
    for (int t = 0; t < TASKS; t++) if (s.state[t] != NONE && !is_terminal(s.state[t])) return false;
    return true;
  }

  // Not where the model ran out of incarnations, nor where no worker lives.
  bool counts(const State& s) const {
    bool lives = false;
    for (int w = 0; w < WORKERS; w++) {
      bool is_last = s.incarnation[w] == INCARNATIONS - 1;
      if (rules_.incarnations && is_last && s.process[w] == DOWN) return false;
      lives |= reaches_database(s, w) || (s.process[w] == DOWN && (!rules_.incarnations || !is_last));
    }
    return lives;
  }

  size_t show(uint32_t i) const {
    std::vector<uint32_t> path{i};
    while (path.back()) path.push_back(parents_[path.back()]);
    std::reverse(path.begin(), path.end());
    for (size_t at = 1; at < path.size(); at++) {
      bool is_shown = false;
      steps(rules_, states_[path[at - 1]], [&](const State& n, bool, const char* text, int a, int b) {
        violation.clear();
        if (!is_shown && n == states_[path[at]]) { is_shown = true; printf("  %2zu. %s\n", at, label(text, a, b).c_str()); }
      });
    }
    return path.size();
  }

  static void rows(const State& s) {
    static const char* names[] = {"none", "scheduled", "queued", "running", "succeeded", "failed", "cancelled"};
    for (int t = 0; t < TASKS; t++)
      printf("      T%d %s attempt=%d failures=%d losses=%d owner=%d cancel=%d\n", t, names[s.state[t]], s.attempt[t], s.failures[t], s.losses[t], int(s.owner[t]) - 1, s.flag[t]);
  }

  Rules rules_;
  std::vector<State> states_;
  std::vector<uint32_t> parents_;
  std::unordered_map<State, uint32_t, Hash> index_;
  std::vector<std::pair<uint32_t, uint32_t>> fair_;
  size_t edges_ = 0;
};

int main(int count, char** given) {
  for (int i = 1; i < count; i++) {
    std::string word = given[i];
    size_t at = word.find('=');
    std::string name = word.substr(0, at);
    if (at == std::string::npos || !settings.count(name)) { fprintf(stderr, "unknown setting %s\n", word.c_str()); return 2; }
    settings[name] = atoi(word.c_str() + at + 1);
  }
  State start;
  memset(&start, 0, sizeof start);
  for (int w = 0; w < WORKERS; w++) start.row[w * INCARNATIONS] = ALIVE;
  start.kills = settings["kills"]; start.freezes = settings["freezes"]; start.supervisor_freezes = settings["supervisor-freezes"];
  start.hangs = settings["hangs"]; start.cuts = settings["cuts"]; start.doubles = settings["doubles"];
  start.losses_of_messages = settings["lost-messages"]; start.lost_replies = settings["lost-replies"];
  start.cancels = settings["cancels"]; start.retries = settings["retries"]; start.drains = settings["drains"];
  return Explorer(start).run();
}
