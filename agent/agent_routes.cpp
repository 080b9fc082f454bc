// Which part of the agent answers which request.

#include "agent/agent.hpp"
#include "agent/debug/openmetrics.hpp"
#include "proto/tables/tables.hpp"
#include "proto/text.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace rouse {

namespace json = boost::json;

namespace {

io::HttpReply json_reply(const boost::json::value& value) {
    io::HttpReply reply;
    reply.body = boost::json::serialize(value);
    return reply;
}

io::Awaitable<io::HttpReply> answer(boost::json::value value) {
    co_return json_reply(value);
}

io::Awaitable<io::HttpReply> refuse(std::string why) {
    co_return io::HttpReply::error(400, "bad_request", why);
}

io::Awaitable<io::HttpReply> answer_text(std::string text, const char* content_type) {
    io::HttpReply reply;
    reply.body = std::move(text);
    reply.content_type = content_type;
    co_return reply;
}

} // namespace

void Agent::make_routes() {
    routes_["POST /v1/exec"] = exec_.route();
    session_routes_.add_routes(routes_);
    routes_["GET /v1/files"] = files_.get_route();
    routes_["PUT /v1/files"] = files_.put_route();
    routes_["POST /v1/forward"] = forward_.route();
    routes_["POST /v1/restore"].handler = [this](io::HttpRequest request) {
        return answer_restore(std::move(request));
    };
    routes_["POST /v1/workload/stop"].handler = [this](io::HttpRequest request) {
        return answer_workload(std::move(request), &WorkloadService::stop);
    };
    routes_["POST /v1/workload/restart"].handler = [this](io::HttpRequest request) {
        return answer_workload(std::move(request), &WorkloadService::restart);
    };
    routes_["POST /v1/shutdown"].handler = [this](io::HttpRequest request) {
        return answer_shutdown(std::move(request));
    };
    routes_["POST /v1/snapshot/prepare"].handler = [this](io::HttpRequest request) {
        return answer_prepare(std::move(request));
    };
    routes_["POST /v1/snapshot/resume"].handler = [this](io::HttpRequest request) {
        return answer_resume(std::move(request));
    };
    // The probe carries no secret of the host's, and proves who listens here before any is shown.
    routes_["GET /v1/ready"].open = true;
    routes_["GET /v1/ready"].handler = [this](io::HttpRequest request) {
        const std::string nonce = request.query["nonce"];
        if (!proto::is_utf8(nonce)) return refuse("nonce: must be UTF-8, since it is repeated");
        return answer(proto::to_json(restore_.ready(nonce)));
    };
}

json::object Agent::index() const {
    json::array names;
    for (const auto& [name, route] : routes_)
        names.emplace_back(name);
    return {{"version", ROUSE_VERSION}, {"routes", std::move(names)}};
}

/// The same on the exec port, for the host, and on the debug socket, for root in the guest.
void Agent::make_inspection_routes() {
    for (const proto::tables::Topic& topic : proto::tables::topics())
        debug_routes_[fmt::format("GET /v1/debug/{}", topic.name)].handler =
            [this, name = topic.name](io::HttpRequest) { return answer(inspect(name)); };
    debug_routes_["GET /v1/status"].handler = [this](io::HttpRequest) { return answer(status()); };
    debug_routes_["GET /v1/events"] = events_.route();
    debug_routes_["GET /v1/workload/output"] = output_.retained().route();
    debug_routes_["GET /v1/metrics"].handler = [this](io::HttpRequest) {
        return answer_text(metrics(), debug::openmetrics_type);
    };
    debug_routes_["GET /v1"].handler = [this](io::HttpRequest) { return answer(index()); };
    // The ready probe is not among them: it proves that the host reaches us, and root is not it.
    routes_.insert(debug_routes_.begin(), debug_routes_.end());
}

} // namespace rouse
