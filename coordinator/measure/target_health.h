#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/plan.h"
#include "coordinator/timeline/timeline.h"

/// Whether a target still answers: from what its requests came to, second by second. Pure.
namespace kneepoint::coordinator {

/// A stretch of seconds in which a target, or one of its replicas, gave nothing: no chunk, no success and no
/// refusal (429, 503), while requests failed or waited. A host that refuses is alive.
struct Outage {
  /// The seconds that it touched, [begin, end): those in which it began and ended as well. Of one that goes
  /// on `end` is the last second known and one.
  std::int64_t begin = 0, end = 0;
  std::int64_t first_failure = 0;  ///< From then on nothing but failures came.
  bool ended = false;              ///< The target gave something again.
  bool ever_answered = true;       ///< It had given something before.
  std::array<std::uint64_t, kOutcomeCount> failures{};
  std::optional<std::uint32_t> replica;  ///< Of several URLs the one that is gone; absent: the whole target.

  std::uint64_t failed() const;
  std::uint64_t failed(std::initializer_list<Outcome> kinds) const;
  /// No failure, only silence: connections stay open and nothing comes.
  bool silent() const { return failed() == 0; }
  bool touches(std::int64_t from, std::int64_t to) const { return begin < to && from < end; }
};

/// Every outage of a cell, in order. Failures that chance explains, from the share of requests that fail
/// while the target answers, are none; nor is a while of timeouts that ends, which an overloaded host shows
/// as well. Where a target has several URLs and only some are gone, there is one for each of these.
std::vector<Outage> find_outages(const Timeline& timeline, const Target& target, std::uint32_t cell);

/// The outage that the whole target is in now, as far as the present coordinator has seen, once nothing but
/// failures has come for 10 s (a minute where they are timeouts only, or silence): long enough to stop
/// asking.
std::optional<Outage> target_down(const Timeline& timeline, std::uint32_t cell);

/// "the host stopped answering at 03:12: all 41 requests since then failed (not connected)", of one that came
/// back "the host gave no answer from 03:12 to 03:40: all 41 requests failed (not connected)".
std::string outage_sentence(const Outage& outage, const Target& target);
/// The same up to the colon.
std::string outage_in_short(const Outage& outage, const Target& target);

}  // namespace kneepoint::coordinator
