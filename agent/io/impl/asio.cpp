// Asio is compiled here, once, for the agent, the tools and the tests
// (BOOST_ASIO_SEPARATE_COMPILATION).

#include <boost/asio/impl/src.hpp>
