#include "coordinator/telemetry/gpu_metrics.h"

#include <gtest/gtest.h>

#include "coordinator/telemetry/nvml.h"
#include "tests/coordinator/telemetry_goldens.h"

namespace kneepoint::coordinator {
namespace {

constexpr double kMiB = 1024.0 * 1024.0;

TEST(GpuMetrics, ConvertsUnitsAndCombinesTwoCards) {
  const auto values = read_gpu_metrics(golden_samples("dcgm-exporter-4.txt"));
  EXPECT_DOUBLE_EQ(values.at(Signal::kGpuMemoryUsed), 255000 * kMiB);
  EXPECT_DOUBLE_EQ(values.at(Signal::kGpuMemoryTotal), (255000 + 29696 + 1376) * kMiB);
  EXPECT_DOUBLE_EQ(values.at(Signal::kGpuPower), 1200);
  EXPECT_DOUBLE_EQ(values.at(Signal::kGpuEnergy), 16122930.61);
  EXPECT_DOUBLE_EQ(values.at(Signal::kGpuTemperature), 61);
  EXPECT_DOUBLE_EQ(values.at(Signal::kGpuUtil), 0.99);
  EXPECT_DOUBLE_EQ(values.at(Signal::kGpuSmActive), 0.9708) << "GR_ENGINE_ACTIVE, where SM_ACTIVE is off";
  EXPECT_DOUBLE_EQ(values.at(Signal::kGpuTensorActive), 0.2);
  EXPECT_DOUBLE_EQ(values.at(Signal::kGpuDramActive), 0.7215);
}

TEST(GpuMetrics, SlicesOfOneCardShareItsPower) {
  const auto values = read_gpu_metrics(golden_samples("dcgm-exporter-mig.txt"));
  EXPECT_DOUBLE_EQ(values.at(Signal::kGpuMemoryUsed), 70000 * kMiB);
  EXPECT_DOUBLE_EQ(values.at(Signal::kGpuPower), 400.5);
  EXPECT_DOUBLE_EQ(values.at(Signal::kGpuEnergy), 100);
  EXPECT_DOUBLE_EQ(values.at(Signal::kGpuTensorActive), 0.3);
  EXPECT_FALSE(values.contains(Signal::kGpuUtil)) << "MIG cards have none";
}

std::vector<MetricSample> gpu_samples_of(std::string_view text) {
  return parse_exposition(text, is_gpu_metric).samples;
}

TEST(GpuMetrics, ACardSharedByPodsCountsOnce) {
  const auto values =
      read_gpu_metrics(gpu_samples_of("DCGM_FI_DEV_FB_USED{gpu=\"0\",UUID=\"GPU-a\",pod=\"x\"} 1000\n"
                                      "DCGM_FI_DEV_FB_USED{gpu=\"0\",UUID=\"GPU-a\",pod=\"y\"} 1000\n"));
  EXPECT_DOUBLE_EQ(values.at(Signal::kGpuMemoryUsed), 1000 * kMiB);
}

TEST(GpuMetrics, ChoosesCardsByLabel) {
  const auto samples = golden_samples("dcgm-exporter-4.txt");
  EXPECT_DOUBLE_EQ(read_gpu_metrics(samples, {{"gpu", "1"}}).at(Signal::kGpuPower), 587.75);
  EXPECT_TRUE(read_gpu_metrics(samples, {{"gpu", "7"}}).empty());
}

TEST(GpuMetrics, PrefersSmActiveAndLeavesOutBlanks) {
  const auto values =
      read_gpu_metrics(gpu_samples_of("DCGM_FI_PROF_SM_ACTIVE{gpu=\"0\"} 0.5\n"
                                      "DCGM_FI_PROF_GR_ENGINE_ACTIVE{gpu=\"0\"} 0.9\n"
                                      "DCGM_FI_DEV_POWER_USAGE{gpu=\"0\"} 140737488355328\n"
                                      "DCGM_FI_DEV_GPU_TEMP{gpu=\"0\"} 2147483632\n"
                                      "DCGM_FI_DEV_GPU_UTIL{gpu=\"0\"} NaN\n"));
  EXPECT_EQ(values, (SignalValues{{Signal::kGpuSmActive, 0.5}}));
  EXPECT_FALSE(is_gpu_metric("DCGM_FI_DEV_SM_CLOCK"));
}

TEST(Nvml, ReadsEveryCardThroughTheLibrary) {
  const auto nvml = Nvml::open(FAKE_NVML);
  ASSERT_NE(nvml, nullptr);
  EXPECT_EQ(nvml->device_count(), 2u);
  const auto values = nvml->read();
  EXPECT_DOUBLE_EQ(values.at(Signal::kGpuMemoryUsed), 30e9);
  EXPECT_DOUBLE_EQ(values.at(Signal::kGpuMemoryTotal), 160e9);
  EXPECT_DOUBLE_EQ(values.at(Signal::kGpuPower), 700.5);
  EXPECT_DOUBLE_EQ(values.at(Signal::kGpuEnergy), 3000.25);
  EXPECT_DOUBLE_EQ(values.at(Signal::kGpuTemperature), 71);
  EXPECT_DOUBLE_EQ(values.at(Signal::kGpuUtil), 0.4) << "only the second card supports it";
}

// A server on one card of eight: a mean over all of them would hide that its own is full.
TEST(Nvml, CardsThatTheTargetDoesNotUseAreLeftOut) {
  const auto nvml = Nvml::open(FAKE_NVML);
  ASSERT_NE(nvml, nullptr);
  EXPECT_DOUBLE_EQ(nvml->read({4710}).at(Signal::kGpuPower), 700.5)
      << "on no card that is known: all of them";
  const auto values = nvml->read({4710, 4714});
  EXPECT_DOUBLE_EQ(values.at(Signal::kGpuMemoryUsed), 20e9);
  EXPECT_DOUBLE_EQ(values.at(Signal::kGpuMemoryTotal), 80e9);
  EXPECT_DOUBLE_EQ(values.at(Signal::kGpuPower), 400.5);
  EXPECT_DOUBLE_EQ(values.at(Signal::kGpuTemperature), 65);
  EXPECT_DOUBLE_EQ(values.at(Signal::kGpuEnergy), 3100.25)
      << "a counter; it does not fall with the other card";
  EXPECT_FALSE(values.contains(Signal::kGpuProcessMemory)) << "the driver does not tell it";
  EXPECT_DOUBLE_EQ(nvml->read({}).at(Signal::kGpuPower), 400.5)
      << "it has crashed: its card is the one to watch";
  const auto both = nvml->read({4711, 4714});
  EXPECT_DOUBLE_EQ(both.at(Signal::kGpuPower), 700.5);
  EXPECT_DOUBLE_EQ(both.at(Signal::kGpuEnergy), 3100.25)
      << "nor leap: what the first card used meanwhile was not the target's";
  EXPECT_DOUBLE_EQ(nvml->read({4711, 4714}).at(Signal::kGpuEnergy), 3200.25);
}

TEST(Nvml, AnAbsentLibraryIsNoError) {
  EXPECT_EQ(Nvml::open("libnvidia-ml-that-is-not-there.so.1"), nullptr);
}

TEST(Nvml, ALibraryOfSomethingElseIsNoError) {
  EXPECT_EQ(Nvml::open("libm.so.6"), nullptr);
}

TEST(Nvml, ReadsTheRealOneWhereThereIsOne) {
  const auto nvml = Nvml::open();
  if (nvml == nullptr) GTEST_SKIP() << "no NVIDIA driver here";
  const auto values = nvml->read();
  for (const auto& [signal, value] : values)
    RecordProperty(std::string(to_string(signal)), std::to_string(value));
  EXPECT_GT(values.at(Signal::kGpuMemoryTotal), values.at(Signal::kGpuMemoryUsed));
  EXPECT_GT(values.at(Signal::kGpuMemoryTotal), 1e9);
  EXPECT_GT(values.at(Signal::kGpuPower), 1);
  EXPECT_LT(values.at(Signal::kGpuPower), 2000.0 * nvml->device_count());
  EXPECT_GT(values.at(Signal::kGpuTemperature), 0);
  EXPECT_LE(values.at(Signal::kGpuUtil), 1);
}

}  // namespace
}  // namespace kneepoint::coordinator
