#pragma once

#include <cstdint>
#include <string>

namespace kneepoint {

/// Appends `count` random words, the same for the same seed, each after a blank unless `out` is empty.
///
/// The words are 256 frequent English ones of four letters: nearly every tokenizer has each of them, with the
/// blank before it, as one token, so that a text's length in words tells its length in tokens. Eight bits of
/// chance a word: two texts share no cache block. About 1 ns a word.
void append_words(std::string& out, std::uint64_t seed, std::size_t count);

}  // namespace kneepoint
