#include "coordinator/init/replicas.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/printable.h"

namespace kneepoint::coordinator {
namespace {

const HostFacts::Model* served(const HostFacts& host, const std::string& model) {
  const auto found = std::find_if(host.models.begin(), host.models.end(),
                                  [&](const HostFacts::Model& each) { return each.id == model; });
  return found == host.models.end() ? nullptr : &*found;
}

}  // namespace

Result<void> check_replicas(const std::vector<HostFacts>& hosts) {
  const HostFacts& first = hosts.front();
  const std::string& model = first.models.front().id;
  for (const HostFacts& host : hosts) {
    if (served(host, model) == nullptr) {
      return Error{fmt::format(
          "{} does not serve '{}' but '{}'; give replicas of one model, or measure each host alone", host.url,
          printable(model), printable(host.models.front().id))};
    }
    if (host.api != first.api || host.dialect != first.dialect)
      return Error{
          fmt::format("{} and {} speak different APIs; measure each host alone", first.url, host.url)};
    if (host.takes_temperature != first.takes_temperature)
      return Error{
          fmt::format("one of {} and {} takes a temperature, the other does not; measure each host alone",
                      first.url, host.url)};
    if (host.streams != first.streams)
      return Error{
          fmt::format("one of {} and {} streams its answers, the other does not; measure each host alone",
                      first.url, host.url)};
    if (host.token_limit != first.token_limit)
      return Error{fmt::format("{} takes {}, and {} takes {}; measure each host alone", first.url,
                               to_string(first.token_limit), host.url, to_string(host.token_limit))};
  }
  return {};
}

std::optional<std::uint64_t> smallest_context(const std::vector<HostFacts>& hosts) {
  std::optional<std::uint64_t> smallest;
  for (const HostFacts& host : hosts) {
    const HostFacts::Model* const model = served(host, hosts.front().models.front().id);
    if (model != nullptr && model->max_length)
      smallest = std::min(smallest.value_or(*model->max_length), *model->max_length);
  }
  return smallest;
}

}  // namespace kneepoint::coordinator
