#include "coordinator/cli/standard_output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "coordinator/live/terminal.h"
#include "coordinator/report/text_layout.h"
#include "coordinator/results/exit_code.h"

namespace kneepoint::coordinator {
namespace {

bool closed = false;
int failure = 0;  // errno of the first

void note_failure() {
  if (failure == 0) failure = errno == 0 ? EIO : errno;
}

}  // namespace

void hold_standard_descriptors() {
  closed = fcntl(STDOUT_FILENO, F_GETFD) < 0 && errno == EBADF;
  // Each open takes the lowest number that is free.
  for (int fd = open("/dev/null", O_RDWR); fd >= 0; fd = open("/dev/null", O_RDWR)) {
    if (fd <= STDERR_FILENO) continue;
    close(fd);
    break;
  }
}

void say(std::string_view text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    note_failure();
}

void note_lost_output(int error) {
  if (failure == 0) failure = error;
}

std::size_t line_width(int fd, std::size_t elsewhere) {
  return isatty(fd) == 1 || std::getenv("COLUMNS") != nullptr ? std::min(terminal_width(fd), kTextWidth)
                                                              : elsewhere;
}

std::size_t answer_width(Detail detail) {
  constexpr std::size_t kAnswerWidth = 80;
  return line_width(STDOUT_FILENO, detail == Detail::kAll ? kTextWidth : kAnswerWidth);
}

void say_wrapped(std::string_view text) {
  say(wrapped_lines(text, line_width(STDOUT_FILENO)));
}

int finish_output(int code) {
  errno = 0;
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) note_failure();
  if (!closed && (failure == 0 || failure == EPIPE)) return code;
  fmt::print(stderr, "kneepoint: standard output {}; what was to be printed is lost\n",
             closed ? "is closed" : fmt::format("cannot be written: {}", std::strerror(failure)));
  return code == kDone ? kInternalError : code;
}

}  // namespace kneepoint::coordinator
