#pragma once

#include <string>

namespace kneepoint::coordinator {

/// `kneepoint init`
struct InitOptions {
  std::string url;
  std::string output;  ///< Empty: standard output.
  std::string model;
  std::string token_env;
};

/// Asks the host and writes a plan. Never replaces a file. @returns kDone or kBadInput.
int init_command(const InitOptions& options);

}  // namespace kneepoint::coordinator
