#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "common/dataset.h"

/// What the readers of dataset files share. Private to coordinator/datasets.
namespace kneepoint::coordinator {

/// Thrown inside a reader only; `read_dataset` turns it into an Error.
struct DatasetError {
  std::size_t line = 0;  ///< From 1; 0 for the whole file.
  std::string what;
};

/// Takes entries until there are enough.
class DatasetCollector {
 public:
  /// @param limit 0: no limit.
  explicit DatasetCollector(std::size_t limit) : limit_(limit) {}

  bool full() const { return limit_ > 0 && dataset_.entries.size() >= limit_; }
  /// The number of a class, new or met before. @param line for the complaint about too many.
  std::uint32_t class_number(std::string_view name, std::size_t line);
  /// @param line for the complaint about an entry without text, or too much of it.
  void add(DatasetEntry entry, std::size_t line);
  /// What was collected; complains when that is nothing.
  Dataset finish() &&;

  Dataset& dataset() { return dataset_; }

 private:
  const std::size_t limit_;
  Dataset dataset_;
  std::map<std::string, std::uint32_t, std::less<>> classes_;
  std::size_t bytes_ = 0;
};

/// `text` as a whole number of tokens, at least 1.
std::uint32_t token_count(std::string_view text, std::string_view field, std::size_t line);
std::uint32_t token_count(std::uint64_t value, std::string_view field, std::size_t line);

}  // namespace kneepoint::coordinator
