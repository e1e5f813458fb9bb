#pragma once

#include "common/dialects/dialect.h"
#include "common/dialects/openai_answer.h"
#include "common/request_json.h"

namespace kneepoint {

/// `/v1/completions`: a plain prompt in, `choices[].text` out. A system prompt is put before the text, a
/// blank line between them.
class OpenAiCompletions final : public Dialect {
 public:
  OpenAiCompletions(const std::string& model, const Workload& workload);
  std::string_view path() const override { return "/v1/completions"; }
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

}  // namespace kneepoint
