// Boost.JSON is compiled here, once, for the agent, the tools and the tests: Debian ships it as a
// shared library only, and the agent is static.

#include <boost/json/src.hpp>
