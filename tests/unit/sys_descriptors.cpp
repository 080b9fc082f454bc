// Descriptors, pipes and what moves between them.

#include "agent/sys/descriptor.hpp"
#include "agent/sys/pipe.hpp"
#include "agent/sys/splice.hpp"

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <string>

#include <fcntl.h>

using namespace rouse;

namespace {

bool open_now(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

sys::Pipe pipe(sys::PipeMode mode = sys::PipeMode::nonblocking) {
    auto made = sys::make_pipe(mode);
    REQUIRE(made.has_value());
    return std::move(*made);
}

bool nonblocking(int fd) {
    return (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
}

} // namespace

TEST_CASE("a UniqueFd closes what it owns, once", "[sys]") {
    sys::Pipe ends = pipe();
    const int read = ends.read.get();
    const int write = ends.write.get();
    {
        const sys::UniqueFd moved = std::move(ends.read);
        CHECK(moved.get() == read);
        CHECK_FALSE(ends.read.valid()); // NOLINT: what is left after a move is promised
        CHECK(open_now(read));
    }
    CHECK_FALSE(open_now(read));
    const int released = ends.write.release();
    CHECK(released == write);
    CHECK_FALSE(ends.write.valid());
    ends.write.reset(released);
    ends.write.reset();
    CHECK_FALSE(open_now(write));
}

TEST_CASE("all is written, or the write says that it would have to wait", "[sys]") {
    const sys::Pipe ends = pipe();
    CHECK(sys::write_all(ends.write.get(), "").has_value());
    REQUIRE(sys::write_all(ends.write.get(), "all of it").has_value());
    std::array<char, 16> read{};
    CHECK(sys::read_some(ends.read.get(), read).value().bytes == 9);
    const std::string too_much(std::size_t(1024) * 1024, 'x');
    const sys::Result<> written = sys::write_all(ends.write.get(), too_much);
    CHECK(written.error() == boost::system::errc::io_error);
}

TEST_CASE("a pipe is close-on-exec and blocks only where it was asked to", "[sys]") {
    const std::array modes{sys::PipeMode::blocking, sys::PipeMode::nonblocking,
                           sys::PipeMode::nonblocking_read, sys::PipeMode::nonblocking_write};
    for (const sys::PipeMode mode : modes) {
        const sys::Pipe ends = pipe(mode);
        CHECK((::fcntl(ends.read.get(), F_GETFD) & FD_CLOEXEC) != 0);
        CHECK((::fcntl(ends.write.get(), F_GETFD) & FD_CLOEXEC) != 0);
        CHECK(nonblocking(ends.read.get()) ==
              (mode == sys::PipeMode::nonblocking || mode == sys::PipeMode::nonblocking_read));
        CHECK(nonblocking(ends.write.get()) ==
              (mode == sys::PipeMode::nonblocking || mode == sys::PipeMode::nonblocking_write));
    }
}

TEST_CASE("the capacity of a pipe is what was asked for or more", "[sys]") {
    const sys::Pipe ends = pipe();
    const auto given = sys::set_pipe_capacity(ends.write.get(), 100'000);
    REQUIRE(given.has_value());
    CHECK(*given == 131'072);
    CHECK(sys::pipe_capacity(ends.read.get()).value() == 131'072);
}

TEST_CASE("tee copies and splice moves, and their outcomes are values", "[sys]") {
    const sys::Pipe source = pipe();
    const sys::Pipe copy = pipe();
    CHECK(sys::splice(source.read.get(), copy.write.get(), 100)->outcome ==
          sys::SpliceOutcome::would_block);
    REQUIRE(sys::write_some(source.write.get(), "twelve bytes")->bytes == 12);
    CHECK(sys::tee(source.read.get(), copy.write.get(), 100)->bytes == 12);
    CHECK(sys::bytes_readable(source.read.get()).value() == 12);
    CHECK(sys::splice(source.read.get(), copy.write.get(), 5)->bytes == 5);
    CHECK(sys::bytes_readable(source.read.get()).value() == 7);
    CHECK(sys::bytes_readable(copy.read.get()).value() == 17);
}

TEST_CASE("an empty pipe without a writer is the end of the stream", "[sys]") {
    sys::Pipe source = pipe();
    const sys::Pipe sink = pipe();
    source.write.reset();
    std::array<char, 8> buffer{};
    CHECK(sys::splice(source.read.get(), sink.write.get(), 1)->outcome ==
          sys::SpliceOutcome::end_of_stream);
    CHECK(sys::tee(source.read.get(), sink.write.get(), 1)->outcome ==
          sys::SpliceOutcome::end_of_stream);
    CHECK(sys::read_some(source.read.get(), buffer)->outcome == sys::IoOutcome::end_of_stream);
}

TEST_CASE("an empty pipe with a writer would block", "[sys]") {
    const sys::Pipe ends = pipe();
    std::array<char, 8> buffer{};
    CHECK(sys::read_some(ends.read.get(), buffer)->outcome == sys::IoOutcome::would_block);
}

TEST_CASE("a missing file is an error with its errno", "[sys]") {
    CHECK(sys::open_file("/nonexistent/file", O_RDONLY).error() == sys::error_from(ENOENT));
}
