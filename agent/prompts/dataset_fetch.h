#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/dataset.h"
#include "common/plan.h"
#include "common/result.h"

namespace kneepoint::agent {

/// Puts together the datasets that an assignment names, each once, from pieces that are asked for one after
/// the other. Pure: who asks, and whom, is the session's affair.
class DatasetFetch {
 public:
  struct Piece {
    std::string hash;
    std::uint64_t offset = 0;
  };

  DatasetFetch() = default;
  explicit DatasetFetch(const Assignment& assignment);

  bool complete() const { return wanted_.empty(); }
  /// What to ask for next; not when complete.
  Piece next() const { return {wanted_.back().first, bytes_.size()}; }
  /// Fails when it is not the piece asked for, when the coordinator has no more, or when the whole is not
  /// what its hash says.
  Result<void> take(std::string_view hash, std::uint64_t offset, std::string_view data);

  /// By content hash; when complete.
  std::map<std::string, std::shared_ptr<const Dataset>> datasets() && { return std::move(done_); }

 private:
  std::vector<std::pair<std::string, std::uint64_t>> wanted_;  // hash and size; the last is being fetched
  std::string bytes_;                                          // of the last one, so far
  std::map<std::string, std::shared_ptr<const Dataset>> done_;
};

}  // namespace kneepoint::agent
