#include "coordinator/telemetry/nvml.h"

#include <dlfcn.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace kneepoint::coordinator {
namespace {

// The few declarations of nvml.h that are used; its ABI is stable, versions are in the names.
using Device = struct NvmlDevice*;
struct Memory {
  unsigned long long total, free, used;  // bytes
};
struct Utilization {
  unsigned gpu, memory;  // %
};
struct Process {
  unsigned pid;
  unsigned long long memory;  // bytes; all ones: not available
  unsigned gpu_instance, compute_instance;
};
constexpr int kSuccess = 0;
constexpr unsigned kMostProcesses = 256;
constexpr int kTemperatureGpu = 0;

}  // namespace

struct Nvml::Api {
  void* library = nullptr;
  bool initialised = false;
  int (*init)() = nullptr;
  int (*shutdown)() = nullptr;
  int (*count)(unsigned*) = nullptr;
  int (*handle)(unsigned, Device*) = nullptr;
  int (*memory)(Device, Memory*) = nullptr;
  int (*utilization)(Device, Utilization*) = nullptr;
  int (*power)(Device, unsigned*) = nullptr;             // mW
  int (*temperature)(Device, int, unsigned*) = nullptr;  // °C
  int (*energy)(Device, unsigned long long*) = nullptr;  // mJ
  int (*processes)(Device, unsigned*, Process*) = nullptr;
  std::vector<Device> devices;

  template <class Function>
  bool find(const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    return function != nullptr;
  }

  ~Api() {
    if (initialised) shutdown();
    if (library != nullptr) dlclose(library);
  }
};

std::unique_ptr<Nvml> Nvml::open(const std::string& library) {
  auto api = std::make_unique<Api>();
  api->library = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (api->library == nullptr) return nullptr;
  const bool usable = api->find("nvmlInit_v2", api->init) && api->find("nvmlShutdown", api->shutdown) &&
                      api->find("nvmlDeviceGetCount_v2", api->count) &&
                      api->find("nvmlDeviceGetHandleByIndex_v2", api->handle);
  if (!usable || api->init() != kSuccess) return nullptr;
  api->initialised = true;
  api->find("nvmlDeviceGetMemoryInfo", api->memory);
  api->find("nvmlDeviceGetUtilizationRates", api->utilization);
  api->find("nvmlDeviceGetPowerUsage", api->power);
  api->find("nvmlDeviceGetTemperature", api->temperature);
  api->find("nvmlDeviceGetTotalEnergyConsumption", api->energy);
  api->find("nvmlDeviceGetComputeRunningProcesses_v3", api->processes);
  unsigned count = 0;
  if (api->count(&count) != kSuccess) return nullptr;
  for (unsigned i = 0; i < count; ++i) {
    Device device = nullptr;
    if (api->handle(i, &device) == kSuccess) api->devices.push_back(device);
  }
  if (api->devices.empty()) return nullptr;
  return std::unique_ptr<Nvml>(new Nvml(std::move(api)));
}

Nvml::Nvml(std::unique_ptr<Api> api) : api_(std::move(api)) {}
Nvml::~Nvml() = default;

unsigned Nvml::device_count() const {
  return static_cast<unsigned>(api_->devices.size());
}

void Nvml::look_for(const std::set<int>& processes, SignalValues& values) {
  if (processes.empty() || !api_->processes) return;
  std::set<std::size_t> found;
  std::vector<Process> running(kMostProcesses);
  for (std::size_t card = 0; card < api_->devices.size(); ++card) {
    unsigned count = kMostProcesses;
    if (api_->processes(api_->devices[card], &count, running.data()) != kSuccess) continue;
    for (unsigned i = 0; i < std::min(count, kMostProcesses); ++i) {
      const Process& process = running[i];
      if (!processes.contains(static_cast<int>(process.pid))) continue;
      found.insert(card);
      if (process.memory != ~0ULL) values[Signal::kGpuProcessMemory] += static_cast<double>(process.memory);
    }
  }
  if (!found.empty()) own_ = std::move(found);
}

SignalValues Nvml::read(const std::set<int>& processes) {
  SignalValues values;
  look_for(processes, values);
  unsigned utilised = 0;
  const bool counted = !joules_.empty();
  for (std::size_t card = 0; card < api_->devices.size(); ++card) {
    if (!own_.empty() && !own_.contains(card)) {
      joules_.erase(card);  // what it uses from here on is not the target's
      continue;
    }
    const Device device = api_->devices[card];
    if (Memory memory{}; api_->memory && api_->memory(device, &memory) == kSuccess) {
      values[Signal::kGpuMemoryUsed] += static_cast<double>(memory.used);
      values[Signal::kGpuMemoryTotal] += static_cast<double>(memory.total);
    }
    if (unsigned milliwatts = 0; api_->power && api_->power(device, &milliwatts) == kSuccess) {
      values[Signal::kGpuPower] += milliwatts * 1e-3;
    }
    if (unsigned long long millijoules = 0; api_->energy && api_->energy(device, &millijoules) == kSuccess) {
      const double joules = static_cast<double>(millijoules) * 1e-3;
      const auto [before, first] = joules_.emplace(card, joules);
      // Cards that come in later bring no past of their own: the sum would jump.
      joules_in_all_ += first ? (counted ? 0 : joules) : std::max(0.0, joules - before->second);
      before->second = joules;
      values[Signal::kGpuEnergy] = joules_in_all_;
    }
    if (unsigned celsius = 0;
        api_->temperature && api_->temperature(device, kTemperatureGpu, &celsius) == kSuccess) {
      double& hottest = values[Signal::kGpuTemperature];
      hottest = std::max(hottest, static_cast<double>(celsius));
    }
    if (Utilization rates{}; api_->utilization && api_->utilization(device, &rates) == kSuccess) {
      values[Signal::kGpuUtil] += rates.gpu * 1e-2;
      ++utilised;
    }
  }
  if (utilised > 0) values[Signal::kGpuUtil] /= utilised;
  return values;
}

}  // namespace kneepoint::coordinator
