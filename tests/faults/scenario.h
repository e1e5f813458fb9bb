#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/plan.h"
#include "tests/method/queue_model.h"

namespace kneepoint::faults {

/// How long a coordinator waits for all of its agents.
inline constexpr Nanos kJoinTimeout = std::chrono::seconds(30);

/// Something that goes wrong.
struct Fault {
  enum class What : std::uint8_t {
    kKillAgent,          ///< Its process; `span` later another one of its name comes.
    kLoseMachine,        ///< The same, and nobody is told.
    kFreezeAgent,        ///< For `span`.
    kCutLink,            ///< Streams are reset; new ones come through after `span`.
    kSilenceLink,        ///< The same without a word: packets are lost.
    kSlowLink,           ///< For `span`, messages take up to `extent` longer.
    kRepeatBatches,      ///< For `span`, batches come a second time, behind later ones.
    kStepWall,           ///< The coordinator's wall clock, by `extent`.
    kFillDisk,           ///< For `span`; in the midst of an entry.
    kFreezeCoordinator,  ///< For `span`.
    kKillCoordinator,    ///< `span` later another one goes on.
    kKillAtWrite,        ///< The same at the next write to the journal, which may be torn.
    kInterrupt,          ///< The user ends the run, and goes on with it `span` after its end.
  };
  Nanos at{0};  ///< Since the world's beginning.
  What what = What::kKillAgent;
  std::size_t agent = 0;
  Nanos span{0}, extent{0};
};
std::string to_string(const Fault& fault);

/// A run, and what goes wrong in it. The seed draws what happens by chance in it: the host's times,
/// latencies, where a write is torn.
struct Scenario {
  std::uint64_t seed = 0;
  std::size_t agents = 2, least = 1;
  std::vector<Nanos> boots;  ///< When each agent is started; absent: at once.
  Ramp ramp;
  std::vector<Fault> faults;
};

/// The plan of its run.
Plan plan_of(const Scenario& scenario);

/// The host of all scenarios, as a case of the method's tables.
const method::Case& the_case();

/// What the seed draws.
Scenario drawn(std::uint64_t seed);

}  // namespace kneepoint::faults
