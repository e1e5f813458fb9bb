#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "coordinator/init/host_probe.h"

namespace kneepoint::coordinator {

/// Who is asked, as the command line has it.
struct HostsToProbe {
  std::vector<std::string> urls;  ///< At least one.
  std::string model;              ///< Empty: the first one of the first host.
  std::string token_env;          ///< Empty: none.
};

/// Asks all hosts at once, and says of each on standard error, in the order given, what is wrong with it, or
/// with `tell` what it is. @returns an error, of one line, where an address is none or a host is not fit.
Result<std::vector<HostFacts>> probe_hosts(const HostsToProbe& hosts, bool tell);

/// "✓ http://gpu-1:8000: vLLM 0.26.0, qwen3-4b, context 32,768, speaks openai-chat, /metrics found"
std::string host_line(const HostFacts& host);

}  // namespace kneepoint::coordinator
