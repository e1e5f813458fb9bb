#pragma once

#include <string>

#include "coordinator/cli/probe_hosts.h"

namespace kneepoint::coordinator {

/// `kneepoint init`
struct InitOptions {
  HostsToProbe hosts;
  std::string output;  ///< Empty: standard output.
  bool quick = false;  ///< The plan of `kneepoint quick`, with variables, instead of a commented search.
};

/// Asks the hosts and writes a plan. Never replaces a file. @returns kDone or kBadInput.
int init_command(const InitOptions& options);

}  // namespace kneepoint::coordinator
