#include "common/background_output.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

#include "common/log.h"

namespace kneepoint {

struct BackgroundOutput::State {
  State(int out, std::size_t most) : descriptor(out), limit(most) {}

  const int descriptor;
  const std::size_t limit;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::string> waiting;
  std::size_t bytes = 0;    // of what waits
  std::size_t dropped = 0;  // texts
  bool writing = false;
  bool stopping = false;
  int error = 0;  // of the first write that failed

  bool is_idle() const { return waiting.empty() && !writing; }
};

namespace {

/// Blocks for as long as it takes. False when nobody will ever read it.
bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written > 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (written < 0 && errno == EAGAIN) {
      pollfd ready{descriptor, POLLOUT, 0};
      poll(&ready, 1, -1);
    } else if (written < 0 && errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace

BackgroundOutput::BackgroundOutput(int descriptor, std::size_t limit)
    : state_(std::make_shared<State>(descriptor, limit)) {
  // Signals are for other threads, whenever those are made.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([state = state_] {
    std::unique_lock lock(state->mutex);
    for (;;) {
      state->changed.wait(lock, [&] { return !state->waiting.empty() || state->stopping; });
      if (state->waiting.empty()) return;
      std::string text = std::move(state->waiting.front());
      state->waiting.pop_front();
      state->bytes -= text.size();
      if (state->waiting.empty() && state->dropped > 0) {
        text += fmt::format("({} lines left out: nothing was read here)\n", std::exchange(state->dropped, 0));
      }
      state->writing = true;
      lock.unlock();
      const bool read = write_all(state->descriptor, text);
      const int error = errno;
      lock.lock();
      if (!read && state->error == 0) state->error = error;
      state->writing = false;
      if (!read) {
        state->waiting.clear();
        state->bytes = 0;
      }
      state->changed.notify_all();
    }
  }).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

BackgroundOutput::~BackgroundOutput() {
  std::unique_lock lock(state_->mutex);
  state_->stopping = true;
  state_->changed.notify_all();
  state_->changed.wait_for(lock, std::chrono::seconds(1), [this] { return state_->is_idle(); });
}

void BackgroundOutput::write(std::string text) {
  if (text.empty()) return;
  const std::lock_guard lock(state_->mutex);
  if (state_->bytes + text.size() > state_->limit && !state_->is_idle()) {
    ++state_->dropped;
    return;
  }
  state_->bytes += text.size();
  state_->waiting.push_back(std::move(text));
  state_->changed.notify_all();
}

bool BackgroundOutput::idle() const {
  const std::lock_guard lock(state_->mutex);
  return state_->is_idle();
}

int BackgroundOutput::error() const {
  const std::lock_guard lock(state_->mutex);
  return state_->error;
}

bool BackgroundOutput::flush(const std::function<bool()>& give_up) {
  std::unique_lock lock(state_->mutex);
  while (
      !state_->changed.wait_for(lock, std::chrono::milliseconds(100), [this] { return state_->is_idle(); })) {
    if (give_up()) return false;
  }
  return true;
}

namespace {

class Sink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit Sink(BackgroundOutput& output) : output_(output) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t text;
    formatter_->format(message, text);
    output_.write(std::string(text.data(), text.size()));
  }
  void flush_() override {}

  BackgroundOutput& output_;
};

}  // namespace

void log_to(BackgroundOutput& output, const std::string& name, const std::string& level) {
  spdlog::set_default_logger(std::make_shared<spdlog::logger>(name, std::make_shared<Sink>(output)));
  spdlog::set_level(spdlog::level::from_str(level));
  set_log_pattern("%Y-%m-%dT%H:%M:%S.%e %n %l %*");
}

}  // namespace kneepoint
