#include "agent/session/batch_outbox.h"

#include <utility>

#include "kneepoint/v1/measurement.pb.h"

namespace kneepoint::agent {

BatchOutbox::BatchOutbox(Limits limits) : limits_(limits) {}
BatchOutbox::~BatchOutbox() = default;

std::uint64_t BatchOutbox::add(std::unique_ptr<v1::SnapshotBatch> batch) {
  const std::size_t bytes = batch->ByteSizeLong();
  entries_.push_back({.batch = std::move(batch), .bytes = bytes});
  bytes_ += bytes;
  const std::uint64_t shed = bytes_ > limits_.bytes ? shed_records() : 0;
  while (entries_.size() > 1 && (entries_.size() > limits_.batches || bytes_ > limits_.bytes)) {
    if (!entries_.front().taken) ++dropped_;
    drop_oldest();
  }
  return shed;
}

std::uint64_t BatchOutbox::shed_records() {
  std::uint64_t shed = 0;
  for (Entry& entry : entries_) {
    if (bytes_ <= limits_.bytes) break;
    std::uint64_t rows = 0;
    for (v1::SecondSnapshot& second : *entry.batch->mutable_seconds()) {
      rows += static_cast<std::uint64_t>(second.requests_size());
      v1::SecondSnapshot taken;  // clearing in place would keep the memory
      second.mutable_requests()->Swap(taken.mutable_requests());
    }
    if (rows == 0) continue;
    shed += rows;
    bytes_ -= entry.bytes;
    entry.bytes = entry.batch->ByteSizeLong();
    bytes_ += entry.bytes;
  }
  return shed;
}

void BatchOutbox::drop_oldest() {
  bytes_ -= entries_.front().bytes;
  if (sent_ > 0) {
    --sent_;
    bytes_on_the_way_ -= entries_.front().bytes_sent;
  }
  entries_.pop_front();
}

bool BatchOutbox::waits() const {
  return sent_ < entries_.size() && bytes_on_the_way_ > 0 &&
         bytes_on_the_way_ + entries_[sent_].bytes > limits_.bytes_on_the_way;
}

const v1::SnapshotBatch* BatchOutbox::next() {
  if (sent_ == entries_.size() || waits()) return nullptr;
  Entry& entry = entries_[sent_];
  ++sent_;
  entry.bytes_sent = entry.bytes;
  bytes_on_the_way_ += entry.bytes;
  return entry.batch.get();
}

bool BatchOutbox::sent(std::uint64_t sequence) const {
  return sent_ == entries_.size() || entries_[sent_].batch->sequence() > sequence;
}

void BatchOutbox::acknowledged(std::uint64_t sequence) {
  while (!entries_.empty() && entries_.front().batch->sequence() <= sequence) drop_oldest();
}

void BatchOutbox::taken(std::uint64_t sequence) {
  for (std::size_t i = 0; i < sent_ && entries_[i].batch->sequence() <= sequence; ++i) {
    entries_[i].taken = true;
    bytes_on_the_way_ -= std::exchange(entries_[i].bytes_sent, 0);
  }
}

void BatchOutbox::link_lost() {
  sent_ = 0;
  bytes_on_the_way_ = 0;
  for (Entry& entry : entries_) entry.bytes_sent = 0;
}

void BatchOutbox::clear() {
  entries_.clear();
  sent_ = 0;
  bytes_ = bytes_on_the_way_ = 0;
  dropped_ = 0;
}

}  // namespace kneepoint::agent
