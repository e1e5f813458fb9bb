# cmake -DOUT=file.cc -DNAMES=a;b -DFILES=x;y -P embed.cmake
# Writes a C++ source that holds each file as `std::string_view <name>`, exactly as it is on disk.
set(text "// Generated from the report's assets; see coordinator/report/html/CMakeLists.txt.\n#include \"coordinator/report/html/assets.h\"\n\nnamespace kneepoint::coordinator::html::assets {\n")
foreach(name file IN ZIP_LISTS NAMES FILES)
  file(READ ${file} content)
  if(content MATCHES "\\)kneepoint\"")
    message(FATAL_ERROR "${file} contains the delimiter of a raw string")
  endif()
  string(APPEND text "const std::string_view ${name} = R\"kneepoint(" "${content}" ")kneepoint\";\n")
endforeach()
string(APPEND text "}  // namespace kneepoint::coordinator::html::assets\n")
file(WRITE ${OUT} "${text}")
