#include <fstream>
#include <iostream>

#include "coordinator/report/html/html.h"
#include "tests/browser/sample_report.h"

/// Writes the sample report to the named file, for a browser.
int main(int argc, char** argv) {
  using namespace kneepoint::coordinator;
  if (argc != 2) {
    std::cerr << "usage: kneepoint-sample-report FILE.html\n";
    return 2;
  }
  const Report report = sample::report();
  std::ofstream file(argv[1], std::ios::binary);
  file << render_html(report, sample::timeline(report), sample::plan_text());
  file.close();
  if (file) return 0;
  std::cerr << "cannot write " << argv[1] << "\n";
  return 1;
}
