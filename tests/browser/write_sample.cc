#include <fstream>
#include <iostream>
#include <string_view>

#include "coordinator/report/html/html.h"
#include "tests/browser/sample_report.h"

/// Writes the sample report to the named file, for a browser. With --hostile, one whose names try to break
/// out; with
/// --one, one with a single result.
int main(int argc, char** argv) {
  using namespace kneepoint::coordinator;
  const std::string_view variant = argc == 3 ? argv[1] : "";
  if (argc < 2 || argc > 3 || (argc == 3 && variant != "--hostile" && variant != "--one")) {
    std::cerr << "usage: kneepoint-sample-report [--hostile | --one] FILE.html\n";
    return 2;
  }
  Report report = variant == "--hostile" ? sample::hostile_report() : sample::report();
  if (variant == "--one") report.results.resize(1);
  std::ofstream file(argv[argc - 1], std::ios::binary);
  file << render_html(report, sample::timeline(report), sample::plan_text());
  file.close();
  if (file) return 0;
  std::cerr << "cannot write " << argv[argc - 1] << "\n";
  return 1;
}
