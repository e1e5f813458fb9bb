#include "agent/prompts/dataset_fetch.h"

#include <fmt/format.h>

namespace kneepoint::agent {

DatasetFetch::DatasetFetch(const Assignment& assignment) {
  std::map<std::string, std::uint64_t> named;
  for (const Cell& cell : assignment.cells) {
    if (const auto& use = cell.workload.dataset) named[use->hash] = use->bytes;
  }
  wanted_.assign(named.begin(), named.end());
}

Result<void> DatasetFetch::take(std::string_view hash, std::uint64_t offset, std::string_view data) {
  if (complete() || hash != wanted_.back().first || offset != bytes_.size())
    return Error{"a piece of a dataset that was not asked for"};
  const auto& [name, size] = wanted_.back();
  if (data.empty() || data.size() > size - bytes_.size())
    return Error{fmt::format("the coordinator has {} bytes of dataset {} instead of {}",
                             bytes_.size() + data.size(), name, size)};
  bytes_.append(data);
  if (bytes_.size() < size) return {};
  if (content_hash(bytes_) != name) return Error{fmt::format("dataset {} came with other content", name)};
  auto dataset = dataset_from_bytes(bytes_);
  if (!dataset) return Error{fmt::format("dataset {}: {}", name, dataset.error().message)};
  done_[name] = std::make_shared<const Dataset>(*std::move(dataset));
  wanted_.pop_back();
  bytes_ = std::string();
  return {};
}

}  // namespace kneepoint::agent
