#pragma once

#include <cstdint>
#include <deque>
#include <memory>

namespace kneepoint::v1 {
class SnapshotBatch;
}

namespace kneepoint::agent {

/// The batches that the coordinator has not acknowledged, oldest first: what is to be sent, and sent again
/// over a new link. Bounds what waits for a coordinator that is gone or slow. For one thread.
class BatchOutbox {
 public:
  struct Limits {
    /// Ten minutes of them. The oldest are dropped beyond.
    std::size_t batches = 600;
    /// Beyond, the oldest give up their lines of requests (`records: true`), and go altogether only where
    /// that is not enough: the report needs none of those lines, and every second.
    std::size_t bytes = std::size_t{256} << 20;
    /// How much is on its way at a time; one batch at least. Else it would wait a second time, in the link.
    std::size_t bytes_on_the_way = std::size_t{16} << 20;
  };

  explicit BatchOutbox(Limits limits);
  ~BatchOutbox();

  /// @param batch its sequence is larger than those before. @returns how many lines of requests gave way.
  std::uint64_t add(std::unique_ptr<v1::SnapshotBatch> batch);
  /// How many batches have been dropped that had not arrived.
  std::uint64_t dropped() const { return dropped_; }
  /// The next batch to send, which is on its way from now on; null where there is none, or enough is.
  const v1::SnapshotBatch* next();
  /// Whether there is a next one, and enough is on its way.
  bool waits() const;
  /// What it holds now.
  std::size_t batches() const { return entries_.size(); }
  std::size_t bytes() const { return bytes_; }
  /// Everything up to `sequence` is safe with the coordinator.
  void acknowledged(std::uint64_t sequence);
  /// Everything up to `sequence` has arrived, and is kept for the case that the coordinator is killed.
  void taken(std::uint64_t sequence);
  /// Nothing is on its way any more.
  void link_lost();
  /// As new.
  void clear();
  /// Whether nothing up to `sequence` waits to be sent.
  bool sent(std::uint64_t sequence) const;

 private:
  struct Entry {
    std::unique_ptr<v1::SnapshotBatch> batch;
    std::size_t bytes = 0;
    std::size_t bytes_sent = 0;  ///< Of its last sending; 0 once it has arrived.
    bool taken = false;
  };
  std::uint64_t shed_records();
  void drop_oldest();

  const Limits limits_;
  std::deque<Entry> entries_;
  std::size_t sent_ = 0;  ///< So many of the first are on their way.
  std::size_t bytes_ = 0;
  std::size_t bytes_on_the_way_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace kneepoint::agent
