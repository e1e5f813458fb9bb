#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/dataset.h"

/// What the readers of dataset files share. Private to coordinator/datasets.
namespace kneepoint::coordinator {

/// Thrown inside a reader only; `read_dataset` turns it into an Error.
struct DatasetError {
  std::size_t line = 0;  ///< From 1; 0 for the whole file.
  std::string what;
  bool fatal = false;  ///< More than a bad line: it cannot be left out.
};

/// Takes entries until there are enough.
class DatasetCollector {
 public:
  /// @param limit 0: no limit. @param skip whether bad lines are left out.
  DatasetCollector(std::size_t limit, bool skip) : limit_(limit), skip_(skip) {}

  /// Calls `read` for one line or record. What is wrong with it is thrown on, or counted where bad lines are
  /// left out.
  template <class Read>
  void attempt(Read read) {
    try {
      read();
    } catch (DatasetError& error) {
      if (!skip_ || error.fatal) throw;
      if (skipped_++ == 0) first_skipped_ = std::move(error);
    }
  }
  std::size_t skipped() const { return skipped_; }
  const DatasetError& first_skipped() const { return first_skipped_; }
  bool skips() const { return skip_; }

  bool full() const { return limit_ > 0 && dataset_.entries.size() >= limit_; }
  /// @param line for the complaint about an entry without text, or too much of it, or about too many classes.
  /// @param prompt_class its name, new or met before; the entry's own number stands where there is none.
  void add(DatasetEntry entry, std::size_t line, const std::optional<std::string>& prompt_class = {});
  /// Another turn of a trace's session. @param entry its place in the dataset. @param gap before it.
  void add_turn(std::size_t entry, TraceTurn turn, Nanos gap, std::size_t line);
  /// What was collected; complains when that is nothing.
  Dataset finish() &&;

  Dataset& dataset() { return dataset_; }

 private:
  std::uint32_t class_number(std::string_view name, std::size_t line);
  void charge(std::size_t bytes, std::size_t line);

  const std::size_t limit_;
  const bool skip_;
  std::size_t skipped_ = 0;
  DatasetError first_skipped_;
  Dataset dataset_;
  std::map<std::string, std::uint32_t, std::less<>> classes_;
  std::size_t bytes_ = 0;
};

/// `text` as a whole number of tokens, at least 1.
std::uint32_t token_count(std::string_view text, std::string_view field, std::size_t line);
std::uint32_t token_count(std::uint64_t value, std::string_view field, std::size_t line);

}  // namespace kneepoint::coordinator
