#pragma once

#include <string>
#include <vector>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// What a figure of the report means. Plain text.
struct Definition {
  std::string term;
  std::string starts, stops;  ///< Of a time: what it runs from and to. Empty for what has no such ends.
  std::string meaning;        ///< Of everything else.
  /// Whether a report has such a figure; null: every report has.
  bool (*used)(const Report&) = nullptr;
};

/// The clock of every time.
const std::string& clock_definition();

/// Of the figures that a report has, once for all renderers: the times with two ends first.
std::vector<Definition> definitions(const Report& report);

/// In one sentence.
std::string to_sentence(const Definition& definition);

}  // namespace kneepoint::coordinator
