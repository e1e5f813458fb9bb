// Preloaded into a program (LD_PRELOAD), its wall clock is ahead by the seconds that the file named by
// KNEEPOINT_CLOCK_STEP holds as a number of eight bytes. Its monotonic clock is left alone, as setting a
// machine's clock leaves it.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace {

std::int64_t step() {
  static const volatile std::int64_t* const seconds = [] {
    const char* const file = std::getenv("KNEEPOINT_CLOCK_STEP");
    const int descriptor = file == nullptr ? -1 : open(file, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) std::abort();
    void* const mapped = mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, descriptor, 0);
    close(descriptor);
    if (mapped == MAP_FAILED) std::abort();
    return static_cast<const std::int64_t*>(mapped);
  }();
  return *seconds;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* now) noexcept {
  const long result = syscall(SYS_clock_gettime, clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += step();
  return static_cast<int>(result);
}

int gettimeofday(timeval* now, void*) noexcept {
  timespec precise{};
  clock_gettime(CLOCK_REALTIME, &precise);
  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return 0;
}

time_t time(time_t* out) noexcept {
  timespec precise{};
  clock_gettime(CLOCK_REALTIME, &precise);
  if (out != nullptr) *out = precise.tv_sec;
  return precise.tv_sec;
}

}  // extern "C"
