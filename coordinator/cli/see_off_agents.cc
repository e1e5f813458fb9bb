#include "coordinator/cli/see_off_agents.h"

#include <algorithm>

#include "common/build_identity.h"

namespace kneepoint::coordinator {
namespace {

/// An agent without a coordinator dials again after two seconds at most.
constexpr Nanos kDialledBy = std::chrono::seconds(3);

}  // namespace

void see_off_agents(const RunOptions& options, const Fleet::End& end, std::size_t told,
                    const Interrupts& interrupts) {
  if (options.listen.empty() || told >= options.expect_agents) return;
  const auto credentials = FleetCredentials::load(options.tls);
  if (!credentials) return;
  const auto fleet = Fleet::listen({.listen = options.listen,
                                    .insecure = options.insecure,
                                    .credentials = *credentials,
                                    .build = build_identity()});
  if (!fleet) return;  // another coordinator's, perhaps
  (*fleet)->finish(end);
  (*fleet)->see_off(options.expect_agents - told, std::max(options.linger, kDialledBy),
                    [&]() -> Result<void> {
                      if (interrupts.count() > 0) return Error{"interrupted"};
                      return {};
                    });
}

}  // namespace kneepoint::coordinator
