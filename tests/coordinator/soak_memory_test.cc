#include <gtest/gtest.h>
#include <malloc.h>

#include <deque>
#include <utility>
#include <vector>

#include "common/whole_seconds.h"
#include "coordinator/live/metrics.h"
#include "coordinator/run/run_loop.h"
#include "tests/bench/synthetic_second.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

/// A hundred agents in virtual time, each of which hands over a busy second every second.
class BusyFleet final : public LoadFleet {
 public:
  std::size_t agents() const override { return 100; }
  Nanos now() const override { return now_; }

  std::optional<FleetEvent> wait(Nanos timeout) override {
    if (told_ < agents()) {
      const auto agent = static_cast<std::uint32_t>(told_++);
      SnapshotBatch batch = batches_[(agent + static_cast<std::size_t>(second_)) % batches_.size()];
      batch.complete_through = second_;
      for (SecondSnapshot& part : batch.seconds) part.second = second_;
      return BatchArrived{agent, std::move(batch)};
    }
    const std::int64_t before = second_of(now_);
    now_ += timeout;
    if (second_of(now_) > before) second_ = before, told_ = 0;
    return std::nullopt;
  }

  void send(const LoadLevel& level) override { make_batches(level.epoch, level.concurrency > 0); }
  void drain(Nanos) override { make_batches(0, false); }
  bool drained() const override { return told_ == agents(); }

 private:
  /// Different ones that take turns.
  void make_batches(std::uint64_t epoch, bool busy) {
    batches_.assign(16, {});
    for (std::size_t i = 0; busy && i < batches_.size(); ++i) {
      batches_[i] = {.in_flight = kSyntheticStreams, .active_slots = kSyntheticStreams};
      batches_[i].seconds.push_back(synthetic_second(i, 0, epoch));
      auto& series = batches_[i].seconds[0].series;
      series.erase(std::next(series.begin()), series.end());  // one replica
    }
  }

  Nanos now_{0};
  std::int64_t second_ = -1;
  std::size_t told_ = 100;
  std::vector<SnapshotBatch> batches_{1};
};

double megabytes_in_use() {
  const auto heap = mallinfo2();
  return static_cast<double>(heap.uordblks + heap.hblkhd) / 1e6;
}

TEST(Soak, EightHoursTakeHardlyMoreMemoryThanTwo) {
  Plan plan;
  plan.targets = {{.name = "host"}};
  plan.scenarios.push_back(
      {.name = "s", .ramp = {.steps = {10'000}, .warmup = 10s, .hold = Nanos(8h), .soak = true}});
  const std::vector<Cell> cells = cells_of(plan);
  BusyFleet fleet;
  Metrics metrics(identity_of(plan, "run", {"0", "c"}));
  std::vector<std::pair<std::int64_t, double>> used;  // at the end of each row, in s
  RunLoop::Hooks hooks;
  hooks.on_batch = [&](const BatchArrived& arrived) { metrics.observe(arrived.batch); };
  hooks.on_step = [&](const StepWindow& window, const Step& step) {
    used.emplace_back(window.end, megabytes_in_use());
    EXPECT_GT(step.requests.completed, 0u);
  };
  RunLoop loop(plan, cells, fleet, std::move(hooks));
  ASSERT_TRUE(loop.run());
  ASSERT_EQ(used.size(), 48u) << "rows of ten minutes";
  EXPECT_EQ(used[47].first - used[11].first, 6 * 3600);
  RecordProperty("megabytes_after_two_hours", std::to_string(used[11].second));
  RecordProperty("megabytes_after_eight_hours", std::to_string(used[47].second));
  EXPECT_LT(used[47].second - used[11].second, 10) << used[11].second << " MB after two hours";
}

}  // namespace
}  // namespace kneepoint::coordinator
