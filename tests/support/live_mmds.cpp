#include "tests/support/live_mmds.hpp"

#include <boost/asio/post.hpp>

#include <future>
#include <utility>

namespace rouse::test {

LiveMmds::LiveMmds(boost::json::value data, MmdsFakeOptions options) : service_(io_, options) {
    service_.put(std::move(data));
    service_.on_request([this](const std::string& what) {
        requests_.push_back({.what = what, .when = std::chrono::steady_clock::now()});
    });
    thread_ = std::thread([this] { io_.run(); });
}

LiveMmds::~LiveMmds() {
    io_.stop();
    thread_.join();
}

void LiveMmds::put(boost::json::value data) {
    boost::asio::post(io_,
                      [this, data = std::move(data)]() mutable { service_.put(std::move(data)); });
}

std::vector<LiveMmds::Request> LiveMmds::requests() {
    std::promise<std::vector<Request>> copied;
    boost::asio::post(io_, [&] { copied.set_value(requests_); });
    return copied.get_future().get();
}

boost::json::object LiveMmds::config(boost::json::object more) const {
    more["address"] = "127.0.0.1";
    more["port"] = service_.port();
    more["poll_ms"] = 100;
    return more;
}

} // namespace rouse::test
