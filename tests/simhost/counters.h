#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/simhost/fault.h"

namespace kneepoint::simhost {

/// A counter with one writing thread and any number of readers: no locked instruction on the token path.
class Counter {
 public:
  void add(std::int64_t amount = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// What one replica did, written by its thread. Everything is counted just before it is handed to the kernel,
/// and taken back if the kernel did not take it: a client never sees a token that is not counted yet, and at
/// rest the figures are exact.
struct Counters {
  Counter connections;    ///< Accepted.
  Counter received;       ///< Completion requests read to their end.
  Counter completed;      ///< Answered whole (with or without [DONE] and usage).
  Counter failed;         ///< Broken off by a fault.
  Counter rejected;       ///< 429 and 503.
  Counter invalid;        ///< 4xx for what the client asked.
  Counter cancelled;      ///< The client went away first.
  Counter prompt_tokens;  ///< Of admitted requests.
  Counter prompt_tokens_completed;
  Counter output_tokens;            ///< Handed to the kernel, whatever became of the request.
  Counter output_tokens_completed;  ///< Of completed requests.
  Counter content_chunks;           ///< Events that carry tokens.
  Counter iterations_late;          ///< Iterations that were delivered more than 1 ms after their end.
  struct PerFault {
    Counter requests;
    Counter output_tokens;
  };
  std::array<PerFault, kFaultCount> faults;
};

/// A snapshot of one replica's counters, or of their sum. At rest received = completed + failed + rejected +
/// invalid + cancelled + in_flight.
struct HostStats {
  struct PerFault {
    std::int64_t requests = 0;
    std::int64_t output_tokens = 0;
  };
  std::int64_t connections = 0, received = 0, completed = 0, failed = 0, rejected = 0, invalid = 0,
               cancelled = 0, in_flight = 0;
  std::int64_t prompt_tokens = 0, prompt_tokens_completed = 0;
  std::int64_t output_tokens = 0, output_tokens_completed = 0, content_chunks = 0;
  std::int64_t iterations_late = 0;
  std::array<PerFault, kFaultCount> faults{};

  /// Tokens of requests that have not completed (running, broken off, or cancelled).
  std::int64_t output_tokens_incomplete() const { return output_tokens - output_tokens_completed; }
  HostStats& operator+=(const HostStats& other);
};

HostStats snapshot(const Counters& counters);

/// The body of GET /simhost/stats: the totals, and each replica's under "replicas".
std::string stats_json(const std::vector<HostStats>& replicas);

}  // namespace kneepoint::simhost
