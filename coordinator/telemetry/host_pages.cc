#include "coordinator/telemetry/host_pages.h"

#include <fmt/format.h>

#include "common/printable.h"

namespace kneepoint::coordinator {
namespace {

constexpr std::size_t kQuoted = 240;  // bytes of what a host says

}  // namespace

std::string own_words(const HttpReply& reply) {
  const std::string words = printable_start(reply.body, kQuoted);
  return fmt::format("HTTP {}{}{}", reply.status, words.empty() ? "" : ": ", words);
}

}  // namespace kneepoint::coordinator
