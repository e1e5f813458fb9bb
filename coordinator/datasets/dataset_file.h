#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/dataset.h"
#include "common/result.h"

namespace kneepoint::coordinator {

enum class DatasetFormat {
  kJsonLines,
  kCsv,
  kShareGpt,
  kBodies,
  kMooncake,
  kBailian,
  kOtelSpans,
  kAzureLlm,
  kBurstGpt
};
/// "jsonl", "csv", "sharegpt", "bodies", "mooncake", "bailian", "otel", "azure-llm", "burstgpt"
std::string_view to_string(DatasetFormat format);
std::optional<DatasetFormat> dataset_format_from_string(std::string_view name);
/// Whether it holds lengths and arrival times instead of texts.
bool is_trace(DatasetFormat format);

/// Which parts of which file make a dataset.
struct DatasetSpec {
  std::string path;
  DatasetFormat format = DatasetFormat::kJsonLines;
  /// Names of members (JSON pointers, where they start with '/') or columns, of kJsonLines and kCsv.
  std::string prompt = "prompt";
  std::string output_tokens;  ///< Empty: not read.
  std::string prompt_class;   ///< Empty: one class, "default".
  std::string delay;          ///< Of kJsonLines: what passes before each later turn. Empty: not read.
  bool sessions = false;  ///< Of kBailian and kOtelSpans: requests of one session are the turns of one entry.
  std::uint32_t block_tokens =
      0;                  ///< Of kMooncake and kBailian: tokens for a hash id. 0: as the format has it.
  std::size_t limit = 0;  ///< The first so many entries; 0: all.
  bool all_roles =
      false;  ///< Chats as they were logged, with answers and tools' results; else the user's part.
  bool skip_bad_lines = false;
  auto operator<=>(const DatasetSpec&) const = default;
};

/// The most classes: agents keep a histogram set for each.
inline constexpr std::size_t kMostDatasetClasses = 32;

struct DatasetRead {
  Dataset dataset;
  std::string sha256;         ///< Of the file, in 64 hexadecimal digits.
  std::size_t skipped = 0;    ///< Bad lines.
  std::string first_skipped;  ///< "file:line: what is wrong"
};

/// Reads a dataset. Errors are one line, `file:line: what is wrong`; for a file that cannot be read without a
/// line. A file may have 4 GiB, what is taken of it `kMaxDatasetBytes`.
Result<DatasetRead> read_dataset(const DatasetSpec& spec);

}  // namespace kneepoint::coordinator
