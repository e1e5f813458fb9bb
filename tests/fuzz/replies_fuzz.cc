// Any reply of a host to the questions before a run: what is said of it is one printable line, and no reader
// throws, crashes or takes long.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "common/clock.h"
#include "coordinator/calibration/answer_signs.h"
#include "coordinator/calibration/usage_probe.h"
#include "coordinator/init/host_words.h"
#include "coordinator/init/preflight.h"
#include "coordinator/telemetry/host_pages.h"

namespace {

using namespace kneepoint;
using namespace kneepoint::coordinator;

void expect_line(std::string_view words) {
  const bool printable = std::none_of(words.begin(), words.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
  if (!printable || words.size() > 4096) std::abort();
}

/// A target whose dialect has every kind of condition.
const Target& described() {
  static const Target kTarget = [] {
    DialectDescription dialect{.framing = DialectDescription::Framing::kJsonLines};
    dialect.stream = {.text = {"/delta when /type=text", "/a/0/b"},
                      .tool_call = {"/call"},
                      .finish = {"/done", "/type=end"},
                      .error = {"/error", "/ok=false"},
                      .completion_tokens = {"/usage/n"}};
    dialect.answer = dialect.stream;
    Target target{.urls = {"http://host:8000"}};
    target.api = Api::kCustom;
    target.dialect = std::move(dialect);
    return target;
  }();
  return kTarget;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  // The first bytes choose the status; up to the first zero byte is the header Date.
  std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  HttpReply reply{.status = 100 + (data[0] * 256 + data[1]) % 500};
  const std::size_t zero = std::min(text.find('\0'), text.size());
  reply.date = text.substr(0, zero);
  reply.body = text.substr(std::min(zero + 1, text.size()));

  Target target{.urls = {"http://host:8000"}};
  target.model = "model";
  expect_line(judge_models(target, reply, 4096));
  expect_line(judge_models(target, reply, std::nullopt));
  expect_line(own_words(reply));
  expect_line(not_well("/v1/models", reply));
  expect_line(clock_remark(reply.date, RealTime(std::chrono::hours(500'000))));
  read_signs(target, reply.body);
  read_prompt_tokens(target, reply.body);
  reports_error(target, reply.body);
  read_signs(described(), reply.body);
  wants_health(reply);
  refuses_member(reply, "max_tokens", "max_completion_tokens");
  return 0;
}
