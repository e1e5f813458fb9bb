#pragma once

#include <memory>
#include <queue>
#include <vector>

#include "common/clock.h"
#include "tests/simhost/pipeline.h"

namespace kneepoint::simhost {

/// Lengths of every request of a workload, in tokens.
struct Workload {
  int prompt_tokens = 8;
  int output_tokens = 64;
  /// Of the prompt, computed elsewhere: for an Oracle. A ClosedLoop's pipeline sees to that itself.
  int received_tokens = 0;
};

/// N clients that each send the next request `turnaround` after the last one ended, against a Pipeline, in
/// virtual time: what a load generator's closed loop would see, thousands of times faster. Not thread-safe.
class ClosedLoop {
 public:
  /// What an iteration gave one client.
  struct Event {
    Nanos at{};    ///< The iteration's end.
    Nanos sent{};  ///< When the request was sent.
    int slot = 0;  ///< The client.
    int tokens = 0;
    bool first = false;
    bool finished = false;
  };

  /// @param turnaround 0: a client's next request joins the next iteration. Above 0, as in reality, it
  /// arrives while that iteration runs already, and so sits one iteration out.
  ClosedLoop(const PipelineConfig& config, Workload workload, Nanos turnaround);
  ClosedLoop(const ClosedLoop&) = delete;
  ClosedLoop& operator=(const ClosedLoop&) = delete;

  /// From now on `clients` clients: new ones send their first request spread evenly over `spread`; surplus
  /// ones (the highest slots) finish theirs and stop.
  void set_concurrency(int clients, Nanos spread);

  /// Advances to `until`, calling sink(const Event&) for each emission in order of time.
  template <class Sink>
  void run_until(Nanos until, Sink&& sink) {
    while (advance(until)) {
      if (event_.stage == Stage::kDecode) {
        for (const Emission& emission : event_.emissions) sink(deliver(emission));
      }
      restart();
    }
  }

  Nanos now() const { return now_; }
  const Pipeline& pipeline() const { return pipeline_; }

 private:
  struct Client {
    int slot = 0;
    bool active = false;  // a request is on its way or in the host
    Nanos sent{};
  };
  struct Arrival {
    Nanos at{};
    int slot = 0;
    bool operator>(const Arrival& other) const { return at > other.at; }
  };

  bool advance(Nanos until);  // to the next event's end; false when that lies past `until`
  Event deliver(const Emission& emission);
  void restart();  // begins the next iterations, with whoever has arrived by now
  void submit_arrivals();

  Pipeline pipeline_;
  Workload workload_;
  Nanos turnaround_;
  Nanos now_{};
  int concurrency_ = 0;
  std::vector<std::unique_ptr<Client>> clients_;  // stable addresses: they are the requests' tags
  std::priority_queue<Arrival, std::vector<Arrival>, std::greater<>> arrivals_;
  Pipeline::Event event_;
};

/// A steady closed loop, summarised over whole residences after a warm-up.
struct ClosedLoopSummary {
  double tokens_per_second = 0;
  double requests_per_second = 0;
  double mean_ttft_seconds = 0;
  double mean_tpot_seconds = 0;  ///< 0 when requests have a single token.
  double mean_running = 0;       ///< Of the decode workers, just after iterations' ends.
};

/// Runs `clients` clients to their steady state and measures. `residences`: the window, in mean residence
/// times.
ClosedLoopSummary simulate_closed_loop(const PipelineConfig& config, Workload workload, int clients,
                                       Nanos turnaround, int residences = 10);

}  // namespace kneepoint::simhost
