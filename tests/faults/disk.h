#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "coordinator/recording/journal.h"
#include "tests/faults/journal_checks.h"
#include "tests/faults/world.h"
#include "tests/method/queue_fleet.h"

namespace kneepoint::faults {

/// The disk under one coordinator's segment of the journal. The bytes are in a real file.
class Disk {
 public:
  Disk(World& world, std::filesystem::path segment, coordinator::Journal& journal, std::uint64_t seed);

  /// Until then it takes a few bytes, and then none: full in the midst of an entry.
  void fill_until(MonoTime instant) { full_until_ = instant; }
  /// The segment has its first entry.
  void begun();
  /// One more entry has been given to the journal.
  void posted() { ++posted_; }
  /// The journal's thread does its work. @returns whether everything that was posted is on the disk.
  bool work();
  bool whole() const { return !marks_.empty() && marks_.rbegin()->second == posted_; }
  /// Whether something has been written that a kill may lose.
  bool unsettled() const { return size() > settled_; }
  /// Its process dies now: what comes into the file after this is none of its doing.
  void die() { size_at_death_ = size(); }
  /// After die(): of what had not settled some may be left. @returns what is, in words.
  std::string tear();
  const Marks& marks() const { return marks_; }

 private:
  std::uintmax_t size() const;

  World& world_;
  const std::filesystem::path segment_;
  coordinator::Journal& journal_;
  method::Random random_;
  MonoTime full_until_{};
  std::size_t posted_ = 0;            // entries …
  std::optional<std::size_t> group_;  // … as of when the journal began to write
  std::uintmax_t settled_ = 0;        // bytes
  std::uintmax_t size_at_death_ = 0;
  Marks marks_;
};

}  // namespace kneepoint::faults
