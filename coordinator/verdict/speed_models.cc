#include "coordinator/verdict/speed_models.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "coordinator/measure/batch_means.h"
#include "coordinator/verdict/revisits.h"

namespace kneepoint::coordinator {
namespace {

/// Of a block beside its edges, relative: what hosts scatter by from one two seconds to the next.
constexpr double kBlockNoise = 0.01;

}  // namespace

std::vector<SpeedBlock> speed_blocks(const std::vector<Step>& steps) {
  std::map<double, std::size_t> levels;
  for (const Step& step : steps) {
    if (tells_by_the_second(step)) levels.try_emplace(step.load(), 0);
  }
  std::size_t next = 0;
  for (auto& [load, level] : levels) level = next++;
  std::vector<SpeedBlock> blocks;
  constexpr double kSeconds = kHalvesInBlock / 2.0;
  for (std::size_t row = 0; row < steps.size(); ++row) {
    const Step& step = steps[row];
    if (!tells_by_the_second(step)) continue;
    const double edge = edge_error(step.tpot_seconds.p50.value_or(0), kSeconds);
    const double weight = 1 / (kBlockNoise * kBlockNoise + edge * edge);
    for (std::size_t from = 0; from + kHalvesInBlock <= step.half_seconds.size(); from += kHalvesInBlock) {
      const auto at = step.half_seconds.begin() + static_cast<std::ptrdiff_t>(from);
      const double sum = std::accumulate(at, at + kHalvesInBlock, 0.0);
      if (sum <= 0) continue;
      blocks.push_back({.at = step.window_begin_seconds + static_cast<double>(from) / 2 + kSeconds / 2,
                        .row = row,
                        .level = levels.at(step.load()),
                        .load = step.load(),
                        .value = std::log(sum),
                        .weight = weight});
    }
  }
  return blocks;
}

void centre_levels(const std::vector<SpeedBlock>& blocks, std::vector<double>& values) {
  std::size_t levels = 0;
  for (const SpeedBlock& block : blocks) levels = std::max(levels, block.level + 1);
  std::vector<double> weights(levels), sums(levels);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    weights[blocks[i].level] += blocks[i].weight;
    sums[blocks[i].level] += blocks[i].weight * values[i];
  }
  for (std::size_t i = 0; i < blocks.size(); ++i)
    values[i] -= sums[blocks[i].level] / weights[blocks[i].level];
}

}  // namespace kneepoint::coordinator
