#include "tools/lab/qmp.hpp"

#include "tools/lab/error.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include <fcntl.h>

namespace rouse::lab {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using Socket = asio::local::stream_protocol::socket;

constexpr std::size_t longest_line = 4U << 20U; // bytes; QEMU's own schema is about 200 KiB

} // namespace

struct Qmp::Connection {
    asio::io_context io{1};
    Socket socket{io};
    std::string input;

    /// Runs one started operation; cancels it when the deadline comes first.
    void run(Deadline deadline) {
        io.restart();
        io.run_until(deadline.at());
        if (io.stopped()) return;
        boost::system::error_code ignored; // the operation reports its own end
        socket.cancel(ignored);
        io.run();
    }
};

QmpLine classify(const json::object& line) {
    if (line.contains("QMP")) return QmpLine::greeting;
    if (line.contains("event")) return QmpLine::event;
    if (line.contains("return")) return QmpLine::result;
    if (line.contains("error")) return QmpLine::error;
    throw LabError(fmt::format("QEMU sent an unknown line: {}", json::serialize(line)));
}

Qmp::Qmp(const std::filesystem::path& socket, Deadline deadline)
    : connection_(std::make_unique<Connection>()) {
    boost::system::error_code error;
    for (;;) {
        connection_->socket.connect(asio::local::stream_protocol::endpoint(socket.string()), error);
        if (!error) break;
        connection_->socket.close();
        if (deadline.expired())
            throw LabError(
                fmt::format("cannot reach QEMU at '{}': {}", socket.string(), error.message()));
        wait_to_retry(deadline);
    }
    // Asio leaves this to us, and a child must not hold QEMU's only session.
    (void)fcntl(connection_->socket.native_handle(), F_SETFD, FD_CLOEXEC);
    if (classify(read_line(deadline)) != QmpLine::greeting)
        throw LabError("QEMU did not greet: is the socket really QEMU's?");
    (void)execute("qmp_capabilities", {}, deadline); // answers an empty object
}

Qmp::~Qmp() = default;

json::object Qmp::read_line(Deadline deadline) {
    boost::system::error_code error;
    std::size_t length = 0;
    asio::async_read_until(connection_->socket,
                           asio::dynamic_buffer(connection_->input, longest_line), '\n',
                           [&](boost::system::error_code result, std::size_t count) {
                               error = result;
                               length = count;
                           });
    connection_->run(deadline);
    if (error)
        throw LabError(fmt::format("QEMU did not answer: {}",
                                   error == asio::error::operation_aborted ? "deadline passed"
                                                                           : error.message()));
    const std::string line = connection_->input.substr(0, length);
    connection_->input.erase(0, length);
    json::value parsed = json::parse(line, error);
    if (error || !parsed.is_object())
        throw LabError(fmt::format("QEMU sent a line that is not a JSON object: {}", line));
    return std::move(parsed.as_object());
}

json::value Qmp::execute(std::string_view command, const json::object& arguments,
                         Deadline deadline) {
    json::object request{{"execute", command}};
    if (!arguments.empty()) request["arguments"] = arguments;
    const std::string text = json::serialize(request) + "\n";
    boost::system::error_code error;
    asio::async_write(connection_->socket, asio::buffer(text),
                      [&](boost::system::error_code result, std::size_t) { error = result; });
    connection_->run(deadline);
    if (error)
        throw LabError(fmt::format("cannot send '{}' to QEMU: {}", command, error.message()));
    for (;;) {
        json::object line = read_line(deadline);
        switch (classify(line)) {
        case QmpLine::greeting:
            break;
        case QmpLine::event:
            events_.push_back(std::move(line));
            break;
        case QmpLine::result:
            return std::move(line["return"]);
        case QmpLine::error:
            throw LabError(fmt::format("QEMU refused '{}': {}", command,
                                       json::serialize(line["error"].as_object()["desc"])));
        }
    }
}

json::object Qmp::wait_event(std::string_view name, Deadline deadline) {
    const auto matches = [&](const json::object& event) {
        return event.at("event").as_string() == name;
    };
    for (;;) {
        const auto found = std::find_if(events_.begin(), events_.end(), matches);
        if (found != events_.end()) {
            json::object event = std::move(*found);
            events_.erase(found);
            return event;
        }
        json::object line = read_line(deadline);
        if (classify(line) == QmpLine::event) events_.push_back(std::move(line));
    }
}

void Qmp::report_migration(Deadline deadline) {
    const json::object events{{"capability", "events"}, {"state", true}};
    (void)execute("migrate-set-capabilities", {{"capabilities", json::array{events}}}, deadline);
}

void Qmp::wait_migrated(Deadline deadline) {
    for (;;) {
        const json::object event = wait_event("MIGRATION", deadline);
        const json::string& status = event.at("data").as_object().at("status").as_string();
        if (status == "completed") return;
        if (status != "failed" && status != "cancelled") continue;
        const json::object state = execute("query-migrate", {}, deadline).as_object();
        const json::value* reason = state.if_contains("error-desc");
        throw LabError(
            fmt::format("QEMU could not move the machine's memory: {}",
                        reason != nullptr ? json::serialize(*reason) : std::string(status)));
    }
}

} // namespace rouse::lab
