#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/datasets/collector.h"
#include "coordinator/datasets/dataset_file.h"

namespace kneepoint::coordinator {

/// Reads comma-separated values as RFC 4180 has them: quotes around fields with commas, quotes (doubled) and
/// line breaks. Throws DatasetError for a quote that never ends.
class CsvReader {
 public:
  explicit CsvReader(std::string_view text) : text_(text) {}
  /// The next record, blank lines skipped; nothing at the end.
  std::optional<std::vector<std::string>> next();
  /// Where the last record began, from 1.
  std::size_t line() const { return record_line_; }

 private:
  std::string quoted_field();

  std::string_view text_;
  std::size_t line_ = 1;
  std::size_t record_line_ = 0;
};

/// Where a column stands in the header. @param line the header's. Throws DatasetError naming those there are.
std::size_t csv_column(const std::vector<std::string>& header, std::string_view name, std::size_t line);

/// A file whose first record names the columns. Throws DatasetError.
void read_csv_prompts(std::string_view text, const DatasetSpec& spec, DatasetCollector& into);

}  // namespace kneepoint::coordinator
