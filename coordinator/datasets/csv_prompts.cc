#include "coordinator/datasets/csv_prompts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace kneepoint::coordinator {

std::optional<std::vector<std::string>> CsvReader::next() {
  while (!text_.empty() && (text_.front() == '\n' || text_.front() == '\r')) {
    if (text_.front() == '\n') ++line_;
    text_.remove_prefix(1);
  }
  if (text_.empty()) return std::nullopt;
  record_line_ = line_;
  std::vector<std::string> record;
  while (true) {
    if (text_.starts_with('"')) {
      record.push_back(quoted_field());
    } else {
      const std::size_t end = std::min(text_.find_first_of(",\r\n"), text_.size());
      record.emplace_back(text_.substr(0, end));
      text_.remove_prefix(end);
    }
    if (!text_.starts_with(',')) return record;  // the line's end is skipped by the next call
    text_.remove_prefix(1);
  }
}

std::string CsvReader::quoted_field() {
  const std::size_t begin = line_;
  std::string field;
  text_.remove_prefix(1);
  while (true) {
    const std::size_t quote = text_.find('"');
    if (quote == std::string_view::npos) throw DatasetError{begin, "a quote is opened and never closed"};
    line_ += static_cast<std::size_t>(std::count(text_.begin(), text_.begin() + quote, '\n'));
    field.append(text_.substr(0, quote));
    text_.remove_prefix(quote + 1);
    if (!text_.starts_with('"')) break;
    field.push_back('"');
    text_.remove_prefix(1);
  }
  if (!text_.empty() && text_.find_first_of(",\r\n") != 0)
    throw DatasetError{line_, "text follows a closing quote; double the quotes inside a field"};
  return field;
}

std::size_t csv_column(const std::vector<std::string>& header, std::string_view name, std::size_t line) {
  const auto found = std::find(header.begin(), header.end(), name);
  if (found != header.end()) return static_cast<std::size_t>(found - header.begin());
  throw DatasetError{line, fmt::format("has no column '{}'; it has '{}'", name, fmt::join(header, "', '"))};
}

void read_csv_prompts(std::string_view text, const DatasetSpec& spec, DatasetCollector& into) {
  CsvReader reader(text);
  const auto header = reader.next();
  if (!header) throw DatasetError{0, "is empty; its first line must name the columns"};
  const std::size_t prompt = csv_column(*header, spec.prompt, reader.line());
  std::optional<std::size_t> tokens, prompt_class;
  if (!spec.output_tokens.empty()) tokens = csv_column(*header, spec.output_tokens, reader.line());
  if (!spec.prompt_class.empty()) prompt_class = csv_column(*header, spec.prompt_class, reader.line());
  while (!into.full()) {
    auto record = reader.next();
    if (!record) return;
    into.attempt([&] {
      if (record->size() != header->size()) {
        throw DatasetError{reader.line(),
                           fmt::format("has {} fields, the header {}", record->size(), header->size())};
      }
      DatasetEntry entry;
      if (tokens) entry.output_tokens = token_count((*record)[*tokens], spec.output_tokens, reader.line());
      std::optional<std::string> class_name;
      if (prompt_class) class_name = (*record)[*prompt_class];
      entry.turns.push_back(std::move((*record)[prompt]));
      into.add(std::move(entry), reader.line(), class_name);
    });
  }
}

}  // namespace kneepoint::coordinator
