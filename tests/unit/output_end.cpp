// The end of a stream: said after the last byte, with how it came about, until it is acknowledged.
#include "tests/unit/output_guest.hpp"

#include <boost/asio/co_spawn.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace rouse;
using namespace std::chrono_literals;

using How = proto::EndOfStream::How;
using test::OutputGuest;
using test::OutputHost;

TEST_CASE("the end of both streams is said and acknowledged", "[output]") {
    OutputGuest guest;
    guest.start();
    guest.connect(1);
    OutputHost host(guest.host_path());
    REQUIRE(guest.write("stdout", 5000) == 5000);
    guest.ends.clear();
    std::optional<bool> flushed;
    boost::asio::co_spawn(guest.io, guest.service->flushed(5s),
                          [&](const std::exception_ptr&, bool all) { flushed = all; });
    REQUIRE(guest.until([&] {
        host.serve();
        return flushed.has_value();
    }));
    REQUIRE(*flushed);
    REQUIRE(host.stream("stdout").end->how == How::closed);
    REQUIRE(host.stream("stderr").end->how == How::closed);
    REQUIRE(host.stream("stdout").bytes == guest.all_of("stdout"));
}

TEST_CASE("flushed gives up at its deadline", "[output]") {
    OutputGuest guest;
    guest.start();
    std::optional<bool> flushed;
    boost::asio::co_spawn(guest.io, guest.service->flushed(20ms),
                          [&](const std::exception_ptr&, bool all) { flushed = all; });
    REQUIRE(guest.until([&] { return flushed.has_value(); }));
    REQUIRE_FALSE(*flushed);
}

TEST_CASE("a pipe that somebody else holds ends as lingered, and what follows is counted",
          "[output]") {
    OutputGuest guest;
    guest.start();
    guest.connect(1);
    OutputHost host(guest.host_path());
    REQUIRE(guest.write("stdout", 5000) == 5000);
    guest.service->workload_exited();
    REQUIRE(guest.until([&] {
        host.serve();
        return guest.status("stdout").state == "finished";
    }));
    REQUIRE(host.stream("stdout").end->how == How::lingered);
    REQUIRE(host.stream("stdout").bytes.size() == 5000);
    REQUIRE(guest.write("stdout", 700) == 700);
    REQUIRE(guest.until([&] { return guest.status("stdout").after_end == 700; }));
}

TEST_CASE("what a lingering pipe holds beyond the drain deadline is said to be truncated",
          "[output]") {
    OutputGuest guest;
    guest.options.book.retention = 4096;
    guest.start();
    REQUIRE(guest.until([&] {
        (void)guest.write("stdout", 4096);
        return guest.written["stdout"] >= 64 * 1024;
    }));
    guest.service->workload_exited();
    REQUIRE(guest.until([&] { return guest.status("stdout").ended.has_value(); }));
    OutputHost host(guest.host_path());
    guest.connect(1);
    REQUIRE(guest.until([&] {
        host.serve();
        return guest.status("stdout").state == "finished";
    }));
    const proto::EndOfStream end = *host.stream("stdout").end;
    REQUIRE(end.how == How::truncated);
    REQUIRE(host.stream("stdout").bytes.size() + end.bytes == guest.written["stdout"]);
}

TEST_CASE("a closed pipe is delivered whole, however long after the drain deadline", "[output]") {
    OutputGuest guest;
    guest.options.book.retention = 4096;
    guest.start();
    REQUIRE(guest.write("stdout", 60000) > 4096);
    guest.ends.clear();
    guest.service->workload_exited();
    boost::asio::steady_timer later(guest.io, 100ms);
    bool past = false;
    later.async_wait([&](const boost::system::error_code&) { past = true; });
    REQUIRE(guest.until([&] { return past; }));
    OutputHost host(guest.host_path());
    guest.connect(1);
    REQUIRE(guest.until([&] {
        host.serve();
        return guest.status("stdout").state == "finished";
    }));
    REQUIRE(host.stream("stdout").end->how == How::closed);
    REQUIRE(host.stream("stdout").bytes == guest.all_of("stdout"));
}

TEST_CASE("a finished stream is announced again at a new epoch", "[output]") {
    OutputGuest guest;
    guest.start();
    guest.connect(1);
    OutputHost host(guest.host_path());
    REQUIRE(guest.write("stdout", 10) == 10);
    guest.ends.clear();
    const auto finished = [&] {
        host.serve();
        return guest.status("stdout").state == "finished";
    };
    REQUIRE(guest.until(finished));
    guest.connect(2);
    REQUIRE(guest.until([&] { return finished() && host.newest("stdout")->hello->epoch == 2; }));
    REQUIRE(host.newest("stdout")->said_end);
    REQUIRE(host.stream("stdout").bytes.size() == 10);
}
