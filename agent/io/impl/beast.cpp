// Beast is compiled here, once, for the agent, the tools and the tests
// (BOOST_BEAST_SEPARATE_COMPILATION).

#include <boost/beast/src.hpp>
