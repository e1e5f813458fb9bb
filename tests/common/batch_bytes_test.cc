// What an agent hands over is bounded in memory, however it is made up, and nothing of it is lost by that.
#include "common/batch_bytes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "common/wire.h"
#include "kneepoint/v1/measurement.pb.h"

namespace kneepoint {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::string bytes_of(const SnapshotBatch& batch) {
  v1::SnapshotBatch message;
  to_wire(batch, message);
  return message.SerializeAsString();
}

SeriesStats busy(int samples) {
  SeriesStats stats;
  stats.started = 1;
  stats.outcomes[static_cast<std::size_t>(Outcome::kRejected)] = 1;
  *stats.failures.of({Outcome::kRejected, 429}) = {.count = 1, .said = "slow down", .request_id = "r-1"};
  stats.slo.resize(4);
  for (int i = 1; i <= samples; ++i) stats.icl.record(i * 1ms);
  return stats;
}

/// So many seconds, series in each, and lines of requests.
SnapshotBatch batch_of(int seconds, std::uint32_t series, std::size_t rows, int samples = 10) {
  SnapshotBatch batch{.sequence = 1,
                      .complete_through = 100,
                      .replica_names = {{named_replica("pod-1"), "pod-1"}},
                      .in_flight = 7,
                      .active_slots = 9};
  for (int i = 0; i < seconds; ++i) {
    SecondSnapshot& second = batch.seconds.emplace_back();
    second.second = 90 + i;
    second.generator.cpu_user = 0.5;
    second.generator.rx_lag.record(3us);
    for (std::uint32_t turn = 0; turn < series; ++turn) second.series[{.turn = turn}] = busy(samples);
    for (std::size_t row = 0; row < rows; ++row) second.requests.emplace_back().k = row;
  }
  return batch;
}

std::map<std::int64_t, SecondSnapshot> sum_of(const std::vector<SnapshotBatch>& parts) {
  std::map<std::int64_t, SecondSnapshot> sum;
  for (const SnapshotBatch& part : parts) {
    for (const SecondSnapshot& second : part.seconds) {
      sum[second.second].second = second.second;
      sum[second.second].merge(second);
    }
  }
  return sum;
}

TEST(BatchBytes, ABatchOfUsualSizeGoesAsItIs) {
  const SnapshotBatch batch = batch_of(2, 20, 100);
  const auto parts = parts_of(batch, 98);
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0].seconds, batch.seconds);
  EXPECT_EQ(parts[0].complete_through, 100);
}

TEST(BatchBytes, WhatIsTooMuchForOneComesInPartsThatAddUp) {
  const SnapshotBatch batch = batch_of(3, 300, 1000);
  constexpr std::size_t kMost = 100'000;
  const auto parts = parts_of(batch, 89, kMost);
  ASSERT_GT(parts.size(), 10u);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool last = i + 1 == parts.size();
    EXPECT_LT(held_bytes(parts[i]), 2 * kMost);
    EXPECT_EQ(parts[i].complete_through, last ? 100 : 89) << "no second is whole before all of it is there";
    EXPECT_EQ(parts[i].in_flight, 7u);
    EXPECT_EQ(parts[i].replica_names.size(), last ? 1u : 0u);
  }
  EXPECT_EQ(sum_of(parts), sum_of({batch}));
}

/// Of whatever they are made, the parts of an honest agent are far from what is refused.
TEST(BatchBytes, WhatAnAgentHandsOverIsTakenWhateverItIsMadeOf) {
  for (const auto& batch : {batch_of(1, 20'000, 0, 1), batch_of(10, 300, 0, 3000), batch_of(1, 1, 100'000),
                            batch_of(4000, 0, 0), batch_of(10, 2000, 2000)}) {
    for (SnapshotBatch& part : parts_of(batch, 89)) {
      part.sequence = 1;
      const std::string bytes = bytes_of(part);
      EXPECT_LT(bytes.size(), 7u << 20);
      EXPECT_LT(read_bytes(bytes), kMostReadBytes / 2);
      EXPECT_TRUE(batch_from_agent(bytes));
    }
  }
}

TEST(BatchBytes, WhatTakesTooMuchMemoryIsRefusedUnread) {
  constexpr std::size_t kMany = 3 << 19;
  const auto repeat = [](std::string_view piece, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out += piece;
    return out;
  };
  const auto field = [](char tag, const std::string& content) {
    std::string out(1, tag);
    for (std::size_t rest = content.size();; rest >>= 7) {
      out += static_cast<char>((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
      if (rest <= 0x7f) break;
    }
    return out + content;
  };
  v1::SnapshotBatch message;
  message.set_sequence(1);
  message.add_seconds()->add_series();
  const int seconds = v1::SnapshotBatch::kSecondsFieldNumber;
  const int series = v1::SecondSnapshot::kSeriesFieldNumber;
  const int outcomes = v1::SeriesSecond::kOutcomesFieldNumber;
  const auto tag = [](int number) { return static_cast<char>(number << 3 | 2); };
  const std::string empty_series{tag(series), '\0'};
  const std::string packed = field(tag(outcomes), std::string(5 * kMany, '\1'));
  for (const std::string& bytes : {
           repeat({"\x7a\0", 2}, kMany),                      // unknown and empty
           repeat({"\x78\0", 2}, kMany),                      // unknown numbers
           repeat(std::string{tag(seconds), '\0'}, kMany),    // empty seconds
           field(tag(seconds), repeat(empty_series, kMany)),  // empty series
           field(tag(seconds), field(tag(series), packed)),   // a list of small numbers
       }) {
    EXPECT_GT(read_bytes(bytes), kMostReadBytes);
    const auto read = batch_from_agent(bytes);
    ASSERT_FALSE(read);
    EXPECT_THAT(read.error().message, HasSubstr("more than 64 MiB of memory"));
  }
}

TEST(BatchBytes, WhatIsNoBatchTakesNothing) {
  std::string bytes = bytes_of(batch_of(3, 300, 10));
  bytes.resize(bytes.size() - 1);
  EXPECT_FALSE(batch_from_agent(bytes));
  EXPECT_FALSE(batch_from_agent(std::string(100'000, '\xff')));
  EXPECT_FALSE(batch_from_agent(std::string(100'000, '\x0b'))) << "groups in groups";
}

}  // namespace
}  // namespace kneepoint
