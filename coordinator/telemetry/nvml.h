#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "coordinator/telemetry/signal.h"

namespace kneepoint::coordinator {

/// GPU figures through NVIDIA's management library, where this program runs on the GPU host. The library is
/// opened at run time, so nothing is needed where there is none. One for each target: it remembers the
/// target's cards. Not thread-safe: one thread at a time.
class Nvml {
 public:
  /// @param library a name for dlopen or a path.
  /// @returns null where the library is absent, does not initialise (no driver) or finds no GPU. That is no
  /// error.
  static std::unique_ptr<Nvml> open(const std::string& library = "libnvidia-ml.so.1");
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  unsigned device_count() const;
  /// Over all GPUs as in read_gpu_metrics(); NVML knows memory, power, energy, temperature and utilisation.
  /// What the driver refuses is absent. Memory in use contains the driver's own reserve, some 0.6 GB a card,
  /// which dcgm-exporter's does not. Takes some 3–8 ms a card.
  /// @param processes of the target. kGpuProcessMemory is theirs together; absent where none of them has any.
  /// Where one of them runs on a card, only such cards are read, also later, when none runs any more: what
  /// the others do says nothing about the target.
  SignalValues read(const std::set<int>& processes = {});

 private:
  struct Api;
  /// Adds their memory to `values`, and remembers the cards that they run on.
  void look_for(const std::set<int>& processes, SignalValues& values);
  explicit Nvml(std::unique_ptr<Api> api);
  std::unique_ptr<Api> api_;
  std::set<std::size_t> own_;  // cards, by index, that the target's processes were seen on; empty: not known
  std::map<std::size_t, double> joules_;  // each card's counter when it was last read
  double joules_in_all_ = 0;
};

}  // namespace kneepoint::coordinator
