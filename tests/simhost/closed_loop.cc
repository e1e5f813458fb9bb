#include "tests/simhost/closed_loop.h"

#include <algorithm>

namespace kneepoint::simhost {

ClosedLoop::ClosedLoop(const PipelineConfig& config, Workload workload, Nanos turnaround)
    : pipeline_(config), workload_(workload), turnaround_(turnaround) {}

void ClosedLoop::set_concurrency(int clients, Nanos spread) {
  while (static_cast<int>(clients_.size()) < clients) {
    clients_.push_back(std::make_unique<Client>());
    clients_.back()->slot = static_cast<int>(clients_.size()) - 1;
  }
  const int added = std::max(0, clients - concurrency_);
  int index = 0;
  for (int slot = std::max(0, clients - added); slot < clients; ++slot, ++index) {
    Client& client = *clients_[static_cast<std::size_t>(slot)];
    if (client.active) continue;  // it was surplus and has not finished yet: it simply goes on
    client.active = true;
    arrivals_.push({now_ + spread * index / added, slot});
  }
  concurrency_ = clients;
}

bool ClosedLoop::advance(Nanos until) {
  for (;;) {
    const auto end = pipeline_.next();
    const bool arrives = !arrivals_.empty() && (!end || arrivals_.top().at <= *end);
    if ((!arrives && !end) || (arrives ? arrivals_.top().at : *end) > until) {
      now_ = std::max(now_, until);
      return false;
    }
    now_ = std::max(now_, arrives ? arrivals_.top().at : *end);
    if (!arrives) {
      event_ = pipeline_.finish();
      return true;
    }
    restart();
  }
}

ClosedLoop::Event ClosedLoop::deliver(const Emission& emission) {
  Client& client = *static_cast<Client*>(emission.tag);
  if (emission.finished) {
    client.active = client.slot < concurrency_;
    if (client.active) arrivals_.push({now_ + turnaround_, client.slot});
  }
  return {now_, client.sent, client.slot, emission.tokens, emission.first, emission.finished};
}

void ClosedLoop::restart() {
  submit_arrivals();
  pipeline_.start(now_);
}

void ClosedLoop::submit_arrivals() {
  while (!arrivals_.empty() && arrivals_.top().at <= now_) {
    Client& client = *clients_[static_cast<std::size_t>(arrivals_.top().slot)];
    client.sent = arrivals_.top().at;
    arrivals_.pop();
    pipeline_.submit({&client, workload_.prompt_tokens, workload_.output_tokens, {}}, client.sent);
  }
}

namespace {

/// The mean residence with `clients` clients whose first requests are spread over `spread`, once everyone has
/// finished at least two.
Nanos settle(ClosedLoop& loop, int clients, Nanos spread) {
  Nanos residence{};
  int left = 3 * clients;
  loop.set_concurrency(clients, spread);
  while (left > 0) {
    Nanos total{};
    int finished = 0;
    loop.run_until(loop.now() + std::max(spread, Nanos(std::chrono::milliseconds(1))),
                   [&](const auto& event) {
                     if (!event.finished) return;
                     total += event.at - event.sent;
                     ++finished;
                   });
    if (finished > 0) residence = total / finished;
    left -= finished;
  }
  return residence;
}

}  // namespace

ClosedLoopSummary simulate_closed_loop(const PipelineConfig& config, Workload workload, int clients,
                                       Nanos turnaround, int residences) {
  // A burst start makes a convoy that never dissolves. So a first pass finds how long a residence is under
  // this load, and the measured one starts its clients spread over that.
  Nanos residence{};
  {
    ClosedLoop scout(config, workload, turnaround);
    residence = settle(scout, clients, config.engine.base);
  }
  ClosedLoop loop(config, workload, turnaround);
  residence = settle(loop, clients, residence);

  // From one iteration's end to another's: no partly counted iteration at either edge.
  std::vector<Nanos> first_token(static_cast<std::size_t>(clients), Nanos(-1));
  std::uint64_t tokens = 0, first = 0, finished = 0, timed = 0, ends = 0;
  double ttft = 0, tpot = 0, running = 0;
  Nanos from{-1}, last{-1};
  loop.run_until(loop.now() + residences * residence, [&](const ClosedLoop::Event& event) {
    if (from < Nanos(0)) from = event.at;
    if (event.at == from) return;
    if (event.at != last) {
      last = event.at;
      running += loop.pipeline().decoding();
      ++ends;
    }
    tokens += static_cast<std::uint64_t>(event.tokens);
    Nanos& begun = first_token[static_cast<std::size_t>(event.slot)];
    if (event.first) {
      begun = event.at;
      ttft += to_seconds(event.at - event.sent);
      ++first;
    }
    if (event.finished) {
      ++finished;
      if (begun >= Nanos(0) && workload.output_tokens > 1) {
        tpot += to_seconds(event.at - begun) / (workload.output_tokens - 1);
        ++timed;
      }
      begun = Nanos(-1);
    }
  });
  ClosedLoopSummary summary;
  const double window = to_seconds(last - from);
  if (ends == 0 || window <= 0) return summary;
  summary.tokens_per_second = static_cast<double>(tokens) / window;
  summary.requests_per_second = static_cast<double>(finished) / window;
  if (first > 0) summary.mean_ttft_seconds = ttft / static_cast<double>(first);
  if (timed > 0) summary.mean_tpot_seconds = tpot / static_cast<double>(timed);
  summary.mean_running = running / static_cast<double>(ends);
  return summary;
}

}  // namespace kneepoint::simhost
