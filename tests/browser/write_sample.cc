#include <fstream>
#include <iostream>
#include <string_view>

#include "coordinator/report/html/html.h"
#include "tests/browser/sample_report.h"

/// Writes the sample report to the named file, for a browser; with --hostile, one whose names try to break
/// out.
int main(int argc, char** argv) {
  using namespace kneepoint::coordinator;
  const bool hostile = argc == 3 && std::string_view(argv[1]) == "--hostile";
  if (argc != (hostile ? 3 : 2)) {
    std::cerr << "usage: kneepoint-sample-report [--hostile] FILE.html\n";
    return 2;
  }
  const Report report = hostile ? sample::hostile_report() : sample::report();
  std::ofstream file(argv[argc - 1], std::ios::binary);
  file << render_html(report, sample::timeline(report), sample::plan_text());
  file.close();
  if (file) return 0;
  std::cerr << "cannot write " << argv[argc - 1] << "\n";
  return 1;
}
