#pragma once

#include <simdjson.h>

#include "common/dialects/dialect.h"
#include "common/request_json.h"

namespace kneepoint {

/// vLLM's plain server (`vllm.entrypoints.api_server`, `/generate`). A stream is one JSON document a line,
/// `{"text": [prompt + everything so far, …]}`: an event is content when its text has grown. It reports no
/// usage and no finish reason, so tokens are content chunks, and the end of the body is the end of the
/// answer.
class VllmGenerate final : public Dialect {
 public:
  explicit VllmGenerate(const Workload& workload);
  std::string_view path() const override { return "/generate"; }
  Framing framing() const override { return Framing::kLines; }
  void write_body(const Prompt& prompt, UsageOption usage, std::string& out) const override;
  StreamMemory begin_stream(const Prompt& prompt) const override;
  bool read_event(std::string_view data, StreamMemory& memory, Chunk& chunk) override;
  bool read_answer(std::string_view body, const StreamMemory& memory, Chunk& chunk) override;

 private:
  bool read(std::string_view json, std::size_t& text_bytes, Chunk& chunk);

  RequestMembers members_;
  simdjson::ondemand::parser parser_;
};

}  // namespace kneepoint
