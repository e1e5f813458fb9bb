#pragma once

#include <simdjson.h>

#include <memory>
#include <string>

#include "common/dialects/dialect.h"
#include "common/dialects/pointer_tree.h"
#include "common/request_template.h"

namespace kneepoint {

/// A dialect that a plan describes (docs/dialects.md). The description is compiled once: the request into
/// literals and gaps, the pointers into trees.
class CustomDialect final : public Dialect {
 public:
  /// @param description checked (`kneepoint::check`). Fails when its request cannot be compiled, or its path
  /// names a model and there is none.
  static Result<std::unique_ptr<CustomDialect>> create(const DialectDescription& description,
                                                       const std::string& model, const Workload& workload);

  std::string_view path() const override { return path_; }
  Framing framing() const override { return framing_; }
  bool tells_end() const override { return tells_end_; }
  void write_body(const Prompt& prompt, UsageOption usage, std::string& out) const override;
  StreamMemory begin_stream(const Prompt&) const override { return {}; }
  bool read_event(std::string_view data, StreamMemory& memory, Chunk& chunk) override;
  bool read_answer(std::string_view body, const StreamMemory& memory, Chunk& chunk) override;

 private:
  CustomDialect(const DialectDescription& description, std::string path, RequestTemplate request);
  bool parse_event(std::string_view data, StreamMemory& memory, Chunk& chunk);

  std::string path_;
  RequestTemplate request_;
  Framing framing_;
  std::string done_;
  bool cumulative_text_;
  bool tells_end_;
  bool usage_per_event_;
  PointerTree stream_;
  PointerTree answer_;
  simdjson::ondemand::parser parser_;
  // Events that differ in more than text and counts (a time, a token's number) have no usual form: templates
  // are given up when none of the first has ever matched.
  std::uint32_t learned_ = 0;
  bool matched_ = false;
};

}  // namespace kneepoint
