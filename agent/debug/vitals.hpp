#pragma once
// How the machine and the agent are, as a document: memory, processes, descriptors, load, limits.

#include <boost/json/object.hpp>

namespace rouse::debug {

/// Members that the kernel does not tell are missing. Memory in KiB, load in hundredths. Starts no
/// process and reads about ten small files.
boost::json::object vitals_document();

} // namespace rouse::debug
