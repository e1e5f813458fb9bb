#pragma once

#include "common/dialects/dialect.h"
#include "common/dialects/openai_answer.h"
#include "common/request_json.h"

namespace kneepoint {

/// `/v1/chat/completions`: messages in, deltas out (read_message says what they may carry); a role-only or
/// empty delta is nothing.
class OpenAiChat final : public Dialect {
 public:
  OpenAiChat(const Target& target, const Workload& workload);
  std::string_view path() const override { return "/v1/chat/completions"; }
  Framing framing() const override { return Framing::kServerSentEvents; }
  bool tells_end() const override { return true; }
  void write_body(const Prompt& prompt, UsageOption usage, std::string& out) const override;
  StreamMemory begin_stream(const Prompt&) const override { return {}; }
  bool read_event(std::string_view data, StreamMemory& memory, Chunk& chunk) override;
  bool read_answer(std::string_view body, const StreamMemory& memory, Chunk& chunk) override;

 private:
  RequestMembers members_;
  bool stream_;
  OpenAiAnswer answer_;
};

/// Appends `,"stream_options":…` as the option says; nothing for kNone.
void append_stream_options(UsageOption usage, std::string& out);

}  // namespace kneepoint
