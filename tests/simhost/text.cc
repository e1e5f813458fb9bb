#include "tests/simhost/text.h"

#include <algorithm>
#include <array>

#include "tests/simhost/random.h"

namespace kneepoint::simhost {

namespace {

constexpr std::array<std::string_view, 32> kPieces = {
    " the",      " model", " reads", " a",     " token",   " at",  " time",  " and",
    ",",         " then",  " each",  " layer", " attends", " to",  " every", " earlier",
    " position", ".",      "ing",    " of",    " its",     " con", "text",   "ly",
    " window",   "\\n",    " so",    " long",  " as",      "量子", "计算",   "。"};

/// Length of the UTF-8 sequence that `lead` starts, and its code point's first bits; 1 for anything invalid.
int sequence_length(unsigned char lead) {
  if (lead >= 0xf0 && lead < 0xf8) return 4;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  return 1;
}

}  // namespace

void PromptMeter::add(std::string_view utf8) {
  for (std::size_t i = 0; i < utf8.size();) {
    const auto lead = static_cast<unsigned char>(utf8[i]);
    int length = sequence_length(lead);
    if (i + static_cast<std::size_t>(length) > utf8.size()) length = 1;
    // Three bytes from E2 BA 80 on are U+2E80 and above; four bytes are beyond the basic plane.
    const bool cjk =
        length == 4 ||
        (length == 3 && (lead > 0xe2 || (lead == 0xe2 && static_cast<unsigned char>(utf8[i + 1]) >= 0xba)));
    quarters_ += cjk ? 4 : length > 1 ? 2 : 1;
    if (block_quarters_ > 0) {
      for (int k = 0; k < length; ++k) {
        hash_ =
            SplitMix64::mix(hash_ ^ static_cast<unsigned char>(utf8[i + static_cast<std::size_t>(k)])) + 1;
      }
      if (quarters_ / block_quarters_ > static_cast<std::int64_t>(blocks_.size())) blocks_.push_back(hash_);
    }
    i += static_cast<std::size_t>(length);
  }
}

int PromptMeter::tokens() const {
  return static_cast<int>(std::max<std::int64_t>(1, (quarters_ + 3) / 4));
}

std::string_view token_piece(std::uint64_t seed, int index) {
  return kPieces[SplitMix64::mix(seed + static_cast<std::uint64_t>(index)) % kPieces.size()];
}

void append_json_escaped(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  for (char ch : text) {
    switch (ch) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(ch) < 0x20) {
          out += "\\u00";
          out += kHex[(ch >> 4) & 15];
          out += kHex[ch & 15];
        } else {
          out += ch;
        }
    }
  }
}

}  // namespace kneepoint::simhost
