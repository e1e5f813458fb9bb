// A run's folder that came from elsewhere: its recording (entries packed here, so that the fuzzer need not
// know gzip), its report.json, its telemetry. Each is read, or refused in one line.

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "coordinator/recording/recording.h"
#include "coordinator/report/json.h"
#include "coordinator/report/markdown.h"
#include "coordinator/report/text.h"

namespace {

using namespace kneepoint::coordinator;

const std::filesystem::path& folder() {
  static const std::filesystem::path kFolder = [] {
    std::string name =
        std::filesystem::exists("/dev/shm") ? "/dev/shm/kneepoint-fuzz-XXXXXX" : "/tmp/kneepoint-fuzz-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) std::abort();
    static std::filesystem::path path;
    path = name;
    std::atexit([] { std::filesystem::remove_all(path); });
    return path;
  }();
  return kFolder;
}

bool has_controls(std::string_view text) {
  for (const unsigned char c : text) {
    if ((c < 0x20 && c != '\n') || c == 0x7f) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    const auto report = parse_report_json(bytes);
    if (report && has_controls(render_text(*report))) std::abort();
    if (report) static_cast<void>(render_markdown(*report));
    return 0;
  }
  const gzFile file = gzopen((folder() / kRecordingFile).c_str(), "wb1");
  if (file == nullptr) std::abort();
  if (!bytes.empty()) gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  static_cast<void>(read_recording(folder()));
  return 0;
}
