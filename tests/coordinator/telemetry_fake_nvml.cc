// A stand-in for libnvidia-ml.so.1 with two cards, the first of which has no utilisation.

extern "C" {

struct FakeMemory {
  unsigned long long total, free, used;
};
struct FakeUtilization {
  unsigned gpu, memory;
};
constexpr int kOk = 0, kNotSupported = 3, kInvalid = 2;

static int cards[2] = {0, 1};
static int initialised = 0;
static unsigned long long looks =
    0;  // for processes: by so many hundred joules the first card's counter has grown

int nvmlInit_v2() {
  if (++initialised == 1) looks = 0;
  return kOk;
}
int nvmlShutdown() {
  --initialised;
  return kOk;
}
int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = 2;
  return initialised > 0 ? kOk : kInvalid;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, int** device) {
  if (index > 1) return kInvalid;
  *device = &cards[index];
  return kOk;
}
int nvmlDeviceGetMemoryInfo(const int* device, FakeMemory* memory) {
  const unsigned long long used = *device == 0 ? 10'000'000'000ULL : 20'000'000'000ULL;
  *memory = {80'000'000'000ULL, 80'000'000'000ULL - used, used};
  return kOk;
}
int nvmlDeviceGetUtilizationRates(const int* device, FakeUtilization* rates) {
  if (*device == 0) return kNotSupported;
  *rates = {40, 20};
  return kOk;
}
int nvmlDeviceGetPowerUsage(const int* device, unsigned* milliwatts) {
  *milliwatts = *device == 0 ? 300'000 : 400'500;
  return kOk;
}
int nvmlDeviceGetTemperature(const int* device, int sensor, unsigned* celsius) {
  if (sensor != 0) return kInvalid;
  *celsius = *device == 0 ? 71 : 65;
  return kOk;
}
int nvmlDeviceGetTotalEnergyConsumption(const int* device, unsigned long long* millijoules) {
  *millijoules = *device == 0 ? 1'000'250ULL + looks * 100'000ULL : 2'000'000ULL;
  return kOk;
}

struct FakeProcess {
  unsigned pid;
  unsigned long long memory;
  unsigned gpu_instance, compute_instance;
};
/// Each card holds 7 GB of process 4711, and more of others; the second has 4714 besides, whose memory is not
/// told.
int nvmlDeviceGetComputeRunningProcesses_v3(const int* device, unsigned* count, FakeProcess* processes) {
  if (*count < 4) return kInvalid;
  if (*device == 0) ++looks;
  processes[0] = {4711, 7'000'000'000ULL, 0, 0};
  processes[1] = {4712, 2'000'000'000ULL, 0, 0};
  processes[2] = {4713, ~0ULL, 0, 0};
  processes[3] = {4714, ~0ULL, 0, 0};
  *count = *device == 0 ? 3 : 4;
  return kOk;
}

}  // extern "C"
