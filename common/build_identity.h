#pragma once

#include <string>

namespace kneepoint {

/// Which build this is: "0.1.0+1a2b3c4d5e6f", version and commit; ".changed-…" behind it where the sources
/// differ from the commit, and "0.1.0+sources-…" where there is no commit to be had. The hash behind the dash
/// is that of the sources, so that two builds are called the same only when they are. A fleet is of one
/// build.
std::string build_identity();

/// The same as two labels.
struct Build {
  std::string version;  ///< "0.1.0"
  std::string commit;   ///< "1a2b3c4d5e6f"
};
Build this_build();

/// For --version: "0.1.0 (commit 1a2b3c4d5e6f, Release)".
std::string build_description();

}  // namespace kneepoint
