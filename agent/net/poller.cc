#include "agent/net/poller.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "common/fetch_ahead.h"

namespace kneepoint::agent {
namespace {

constexpr int kEventsPerPoll = 256;
/// Streams whose memory is asked for while another is served, which takes several times a memory's latency.
constexpr int kAhead = 3;
constexpr std::size_t kFrameHead = 256;  ///< Bytes of a coroutine's frame.
/// Slewing moves the clocks apart by at most 0.5 ns a microsecond; more than this is not slewing.
constexpr Nanos kOffsetJump = std::chrono::microseconds(20);

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

void Readiness::on_events(std::uint32_t events) {
  if (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) hung_up = readable = true;
  if (events & EPOLLIN) readable = true;
  if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) writable = true;
  if (waiting_ && (waits_for_reading_ ? readable : writable)) std::exchange(waiting_, {}).resume();
}

void Readiness::fetch_waiting() const {
  fetch_ahead(waiting_.address(), kFrameHead);
}

Poller::Poller() : epoll_fd_(epoll_create1(EPOLL_CLOEXEC)), wake_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (epoll_fd_ < 0 || wake_fd_ < 0) fail("cannot create an epoll set");
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, wake_fd_, &event) != 0) fail("epoll_ctl");
}

Poller::~Poller() {
  close(wake_fd_);
  close(epoll_fd_);
}

bool Poller::watch(int fd, Readiness& readiness) {
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.ptr = &readiness}};
  return epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0;
}

void Poller::stop() {
  stopped_ = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(wake_fd_, &one, sizeof one);
}

void Poller::post(std::function<void()> work) {
  {
    const std::lock_guard lock(posted_mutex_);
    posted_.push_back(std::move(work));
    has_posted_ = true;
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(wake_fd_, &one, sizeof one);
}

void Poller::run_posted() {
  if (!has_posted_.load(std::memory_order_acquire)) return;
  std::vector<std::function<void()>> work;
  {
    const std::lock_guard lock(posted_mutex_);
    work.swap(posted_);
    has_posted_ = false;
  }
  for (const auto& item : work) item();
}

int Poller::poll(void* events, int capacity, MonoTime entry) {
  auto* out = static_cast<epoll_event*>(events);
  if (timers_.empty()) return epoll_wait(epoll_fd_, out, capacity, -1);
  const Nanos left = std::max(timers_.next() - entry, Nanos(0));
  if (has_pwait2_) {
    const timespec timeout{.tv_sec = left.count() / 1'000'000'000, .tv_nsec = left.count() % 1'000'000'000};
    const int n = epoll_pwait2(epoll_fd_, out, capacity, &timeout, nullptr);
    // Kernels before 5.11 lack the call, and older container filters answer EPERM: milliseconds then, rounded
    // up.
    if (n >= 0 || (errno != ENOSYS && errno != EPERM)) return n;
    has_pwait2_ = false;
  }
  const auto millis = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return epoll_wait(epoll_fd_, out, capacity, static_cast<int>(std::min<std::int64_t>(millis, 60'000)));
}

void Poller::read_real_clock(MonoTime mono) {
  const auto real = [] { return std::chrono::system_clock::now().time_since_epoch(); };
  const Nanos offset = real() - mono.time_since_epoch();
  // A jump is a clock step, or this thread lost its CPU between the two readings: read again until they are
  // close.
  if (std::chrono::abs(offset - real_minus_mono_) < kOffsetJump) {
    real_minus_mono_ = offset;
    return;
  }
  for (int tries = 0; tries < 10; ++tries) {
    const MonoTime before = mono_now();
    real_minus_mono_ = real() - before.time_since_epoch();
    if (mono_now() - before < kOffsetJump) return;
  }
}

void Poller::run(const std::function<void(Nanos gap, MonoTime entry)>& on_turn) {
  std::array<epoll_event, kEventsPerPoll> events;
  MonoTime returned = mono_now();
  while (!stopped_.load(std::memory_order_relaxed)) {
    run_posted();
    // What became due while coroutines ran does not wait for another poll.
    MonoTime entry = mono_now();
    if (!timers_.empty() && timers_.next() <= entry) {
      timers_.fire_due(entry);
      entry = mono_now();
    }
    on_turn(entry - returned, entry);
    const int n = poll(events.data(), kEventsPerPoll, entry);
    returned = mono_now();
    read_real_clock(returned);
    // In two stages: where a stream's coroutine is must have come before what it holds can be asked for.
    const auto readiness_of = [&](int i) {
      return i < n ? static_cast<Readiness*>(events[static_cast<std::size_t>(i)].data.ptr) : nullptr;
    };
    for (int i = 0; i < n; ++i) {
      fetch_ahead(readiness_of(i + 2 * kAhead), sizeof(Readiness));
      if (const Readiness* soon = readiness_of(i + kAhead)) soon->fetch_waiting();
      Readiness* const readiness = readiness_of(i);
      if (readiness != nullptr) {
        readiness->on_events(events[static_cast<std::size_t>(i)].events);
      } else {
        std::uint64_t count = 0;
        [[maybe_unused]] const auto got = read(wake_fd_, &count, sizeof count);
      }
    }
  }
}

}  // namespace kneepoint::agent
