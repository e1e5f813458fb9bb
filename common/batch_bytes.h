#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "common/second_stats.h"

/// How much memory a batch takes: what an agent hands over is bounded by this, however it is made up.
namespace kneepoint {

/// About so much is held by it.
std::size_t held_bytes(const SnapshotBatch& batch);

/// An agent hands over no more than this at once; a second may come in parts, which add up.
inline constexpr std::size_t kMostPartBytes = std::size_t{4} << 20;
/// The batch itself where it is small enough, else batches that add up to it, each of about `most` bytes: its
/// seconds are told to be complete by the last one. They are not numbered. @param complete_before how far the
/// seconds were complete before this batch.
std::vector<SnapshotBatch> parts_of(SnapshotBatch batch, std::int64_t complete_before,
                                    std::size_t most = kMostPartBytes);

/// A batch that takes more memory than this, as it is read, is no honest agent's: sixteen times what one
/// hands over, because a message takes more while it is read than what is made of it.
inline constexpr std::size_t kMostReadBytes = 16 * kMostPartBytes;
/// What reading a serialised v1::SnapshotBatch would take, told without reading it; where it is more than
/// `most` anything above that. SIZE_MAX where it is none.
std::size_t read_bytes(const std::string& bytes, std::size_t most = kMostReadBytes);

}  // namespace kneepoint
