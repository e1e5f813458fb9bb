// Boost.JSON is compiled here, once, so that the build needs its headers only.
#include <boost/json/src.hpp>
