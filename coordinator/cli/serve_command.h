#pragma once

#include <string>

namespace kneepoint::coordinator {

/// `kneepoint serve`
struct ServeOptions {
  std::string folder = "runs";
  std::string serve;            ///< HOST:PORT; empty: the default address.
  std::string http_token_file;  ///< What clients must show; empty: nothing.
  bool insecure = false;        ///< Beyond this machine without a token.
};

/// Shows a browser the finished runs of a folder until it is interrupted. @returns the process's exit code.
int serve_command(const ServeOptions& options);

}  // namespace kneepoint::coordinator
