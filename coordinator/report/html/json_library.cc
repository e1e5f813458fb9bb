// Boost.JSON is used as headers: this is the one translation unit that holds its code.
#include <boost/json/src.hpp>
