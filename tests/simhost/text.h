#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kneepoint::simhost {

/// Tokens of a prompt, deterministic and the same everywhere (usage, /tokenize, metrics): four ASCII bytes,
/// two other letters, or one CJK character (code point from U+2E80) make a token, rounded up; at least 1.
/// Invalid UTF-8 counts as ASCII.
class PromptMeter {
 public:
  /// @param block_tokens 0, or the size of the prefix-cache blocks to hash.
  explicit PromptMeter(int block_tokens = 0) : block_quarters_(4 * block_tokens) {}

  void add(std::string_view utf8);
  int tokens() const;
  /// Chained hashes of the full blocks so far: equal prefixes have equal hashes.
  const std::vector<std::uint64_t>& blocks() const { return blocks_; }

 private:
  std::int64_t quarters_ = 0;
  std::int64_t block_quarters_;
  std::uint64_t hash_ = 0;
  std::vector<std::uint64_t> blocks_;
};

/// The text of a generated token, already escaped for a JSON string. Deterministic; some pieces are CJK, some
/// start with no blank, one is a line break: counting words or characters must go wrong on it.
std::string_view token_piece(std::uint64_t seed, int index);

/// Appends `text` escaped for a JSON string.
void append_json_escaped(std::string& out, std::string_view text);

}  // namespace kneepoint::simhost
