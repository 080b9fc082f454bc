// An exec service with a client on a socket pair, for tests of both forms of exec.
#pragma once

#include "agent/exec/exec_service.hpp"
#include "agent/exec/session_service.hpp"
#include "agent/io/connection_registry.hpp"
#include "agent/io/http_server.hpp"
#include "agent/io/task_group.hpp"
#include "proto/exec.hpp"
#include "proto/frame_decoder.hpp"
#include "proto/output.hpp"
#include "tests/support/peer.hpp"
#include "tests/unit/supervise_rig.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <charconv>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <signal.h>

namespace rouse::test {

/// A shell that runs `script` as session `id`.
inline proto::ExecRequest shell_request(const std::string& script, const std::string& id) {
    proto::ExecRequest wanted;
    wanted.command.argv = {"/bin/sh", "-c", script};
    wanted.session.id = id;
    return wanted;
}

class ExecRig {
public:
    /// Whether the client acknowledges what it gets.
    enum class Acks { at_once, never };

    ExecRig() {
        // As in the agent: a process that closed its stdin is no reason to die.
        (void)::signal(SIGPIPE, SIG_IGN);
        routes["POST /v1/exec"] = service.route();
        session_routes.add_routes(routes);
        connect();
    }

    /// Ends what still runs, as the agent does at its end; no process is left behind.
    ~ExecRig() {
        tasks.cancel();
        sessions.cancel();
        (void)run_until(supervise.io, [this] { return is_over(); });
    }
    ExecRig(const ExecRig&) = delete;
    ExecRig& operator=(const ExecRig&) = delete;
    ExecRig(ExecRig&&) = delete;
    ExecRig& operator=(ExecRig&&) = delete;

    /// One more client. It lives as long as the rig, since its last read ends when the loop runs.
    Peer& add_client() {
        auto [near, far] = socket_pair(supervise.io);
        peers.push_back(std::make_unique<Peer>(std::move(far)));
        peers.back()->start_reading();
        tasks.spawn("http", server.serve(std::move(near)));
        return *peers.back();
    }
    /// Gives the client a connection, in place of the one it had.
    void connect() {
        client = &add_client();
        decoder = proto::FrameDecoder();
    }
    /// Asks for a stream, without waiting.
    static void upgrade(Peer& peer, const std::string& path, const std::string& body) {
        peer.send(fmt::format("POST {} HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: "
                              "rouse-stream.v1\r\nContent-Length: {}\r\n\r\n{}",
                              path, body.size(), body));
    }

    /// The whole answer to a request on a connection of its own.
    std::string get(const std::string& line, const std::string& body = "",
                    const std::string& headers = "") {
        Peer& extra = add_client();
        extra.send(fmt::format("{} HTTP/1.1\r\n{}Content-Length: {}\r\n\r\n{}", line, headers,
                               body.size(), body));
        const bool answered = run_until(supervise.io, [&] { return is_whole(extra.received()); });
        std::string answer = answered ? extra.received() : "no answer";
        extra.close();
        return answer;
    }
    std::string ask(const proto::ExecRequest& wanted) {
        return get("POST /v1/exec", boost::json::serialize(proto::to_json(wanted)));
    }

    void request(const std::string& body, const std::string& headers = "") {
        client->send(fmt::format("POST /v1/exec HTTP/1.1\r\n{}Content-Length: {}\r\n\r\n{}",
                                 headers, body.size(), body));
    }
    /// A plain exec of a shell script, to its answer.
    proto::ExecResult plain(const std::string& script, const std::string& input = "") {
        proto::ExecRequest wanted;
        wanted.command.argv = {"/bin/sh", "-c", script};
        wanted.stdin_bytes = input;
        return plain(wanted);
    }
    proto::ExecResult plain(const proto::ExecRequest& wanted) {
        client->received().clear();
        request(boost::json::serialize(proto::to_json(wanted)));
        std::optional<proto::ExecResult> result;
        const bool answered = run_until(supervise.io, [&] {
            const std::string& text = client->received();
            if (!is_whole(text)) return false;
            const auto parsed = proto::parse_exec_result(text.substr(text.find("\r\n\r\n") + 4));
            if (parsed) result = *parsed;
            return result.has_value();
        });
        if (!answered) throw std::runtime_error("no answer: " + client->received().substr(0, 200));
        return *result;
    }

    /// Asks for a stream of a session that its client takes along, and waits for the switch.
    void open_stream(const std::vector<std::string>& argv) {
        proto::ExecRequest wanted;
        wanted.command.argv = argv;
        wanted.session.reattach_grace = std::chrono::milliseconds(0);
        open_stream(wanted);
    }
    void open_stream(const proto::ExecRequest& wanted) {
        request(boost::json::serialize(proto::to_json(wanted)),
                "Connection: Upgrade\r\nUpgrade: rouse-stream.v1\r\n");
        await_switch();
    }
    /// The same for a session that there is.
    void attach(const std::string& id, const std::string& body) {
        upgrade(*client, fmt::format("/v1/sessions/{}/attach", id), body);
        await_switch();
    }
    void await_switch() {
        const bool switched = run_until(supervise.io, [this] { return client->has("\r\n\r\n"); });
        if (!switched || !client->has("HTTP/1.1 101"))
            throw std::runtime_error("no upgrade: " + client->received());
        client->received().erase(0, client->received().find("\r\n\r\n") + 4);
    }
    void send(proto::FrameType type, std::uint8_t stream, std::uint64_t offset,
              const std::string& payload) {
        proto::FrameHeader header;
        header.type = type;
        header.stream = stream;
        header.offset = offset;
        client->send(proto::encode(header, payload));
    }
    /// Takes in what has arrived; sorts it by stream and type.
    void take_frames() {
        decoder.append(client->received());
        client->received().clear();
        while (true) {
            const auto next = decoder.next();
            if (!next) throw std::runtime_error(next.error().message());
            if (!*next) return;
            note(**next);
        }
    }
    /// Runs until a frame of `type` (and `stream`) has come.
    bool comes(proto::FrameType type, std::uint8_t stream = proto::stream_id::none) {
        return run_until(supervise.io, [&] {
            take_frames();
            return frames.contains({type, stream});
        });
    }
    bool ends() {
        return run_until(supervise.io, [this] {
            take_frames();
            return is_over();
        });
    }
    /// Nothing runs and nobody is connected.
    bool is_over() const {
        return tasks.size() == 0 && sessions.tasks() == 0 && supervise.reaper.watched() == 0;
    }
    std::string last(proto::FrameType type, std::uint8_t stream = proto::stream_id::none) {
        return frames.contains({type, stream}) ? frames[{type, stream}].back().payload : "";
    }

    SuperviseRig supervise;
    std::vector<std::string> escapes;
    bool gate_open = true;
    io::MemoryBudget budget{proto::limits::retention_total};
    exec::Sessions sessions{
        supervise.spawner,
        supervise.io.get_executor(),
        budget,
        {},
        [this](const std::string&, const std::string& what) { escapes.push_back(what); }};
    exec::ExecService service{
        sessions,
        {.wait = [this] { return ask_gate(refusal()); }, .refusal = [this] { return refusal(); }}};
    exec::SessionService session_routes{sessions,
                                        [] { return std::vector<exec::ListedSession>(); }};
    io::HttpRoutes routes;
    io::ConnectionRegistry registry;
    io::HttpServer server{routes, registry};
    io::TaskGroup tasks{
        supervise.io.get_executor(),
        [this](const std::string&, const std::string& what) { escapes.push_back(what); }};
    std::vector<std::unique_ptr<Peer>> peers;
    Peer* client = nullptr; ///< the newest of connect()
    Acks acks = Acks::at_once;
    proto::FrameDecoder decoder;
    std::map<std::pair<proto::FrameType, std::uint8_t>, std::vector<proto::Frame>> frames;
    std::map<std::uint8_t, std::string> output;

private:
    /// Whether an answer has come with all of its body.
    static bool is_whole(const std::string& text) {
        constexpr std::string_view name = "Content-Length: ";
        const auto body = text.find("\r\n\r\n");
        const auto length = text.find(name);
        if (body == std::string::npos || length > body) return false;
        std::size_t size = 0;
        std::from_chars(text.data() + length + name.size(), text.data() + body, size);
        return text.size() - body - 4 == size;
    }
    static io::Awaitable<std::optional<io::HttpReply>>
    ask_gate(std::optional<io::HttpReply> refusal) {
        co_return refusal;
    }
    [[nodiscard]] std::optional<io::HttpReply> refusal() const {
        if (gate_open) return std::nullopt;
        return io::HttpReply::retry_later("not_ready", "waiting for step 'confirm'");
    }

    void note(const proto::Frame& frame) {
        using proto::FrameType;
        const std::uint8_t stream = frame.header.stream;
        frames[{frame.header.type, stream}].push_back(frame);
        if (frame.header.type == FrameType::data) {
            if (frame.header.offset != output[stream].size())
                throw std::runtime_error("a gap in the output");
            output[stream] += frame.payload;
        }
        const bool ended = frame.header.type == FrameType::eos;
        if (acks == Acks::never || (frame.header.type != FrameType::data && !ended)) return;
        proto::Ack ack;
        ack.window = proto::limits::exec_window;
        ack.eos = ended;
        send(FrameType::ack, stream, output[stream].size(),
             boost::json::serialize(proto::to_json(ack)));
    }
};

} // namespace rouse::test
