#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "common/plan.h"

namespace kneepoint::coordinator {

/// An agent that takes part in a level; its number in the fleet.
struct ShareHolder {
  std::uint32_t agent = 0;
  std::uint32_t threads = 1;
  bool operator==(const ShareHolder&) const = default;
};

/// Who runs which slots. Every level of a run is divided into the same number of equal shares, and each
/// thread of the fleet holds as many as any other, or one more. Where the fleet changes only what must moves:
/// the shares of those that are gone, and so many as newcomers are to have. Requests belong to slots, so that
/// the fleet issues the same ones however it is dealt. Pure; used by one thread.
class ShareTable {
 public:
  /// @param threads how many the fleet has, or is to have; the more, the more shares.
  explicit ShareTable(std::size_t threads);
  /// Of a fleet of which these are there. Those that are still awaited are taken to be like them.
  /// @param expected how many agents there are to be.
  ShareTable(const std::vector<ShareHolder>& there, std::size_t expected);

  std::uint32_t shares() const { return static_cast<std::uint32_t>(owners_.size()); }

  /// Deals among these from now on. The first of n slots are spread like all of them, for any n: to each
  /// thread n divided by their number, but for a few. @param holders each agent once; at least one.
  void deal(const std::vector<ShareHolder>& holders);

  /// An agent's part of `level`: empty where it holds nothing.
  LoadLevel part(const LoadLevel& level, const ShareHolder& holder) const;

 private:
  using Thread = std::pair<std::uint32_t, std::uint32_t>;  // of an agent

  std::vector<ShareHolder> holders_;
  std::vector<Thread> owners_;                         // by share
  std::map<Thread, std::vector<std::uint32_t>> held_;  // the same
};

}  // namespace kneepoint::coordinator
