#pragma once

#include <string>
#include <vector>

namespace kneepoint::coordinator {

/// What a figure of the report means. Plain text.
struct Definition {
  std::string term;
  std::string starts, stops;  ///< Of a time: what it runs from and to. Empty for what has no such ends.
  std::string meaning;        ///< Of everything else.
};

/// The clock of every time.
const std::string& clock_definition();

/// Every definition, once for all renderers: the times with two ends first.
const std::vector<Definition>& definitions();

/// In one sentence.
std::string to_sentence(const Definition& definition);

}  // namespace kneepoint::coordinator
