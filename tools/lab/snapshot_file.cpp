#include "tools/lab/snapshot_file.hpp"

#include "tools/lab/error.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <fstream>

namespace rouse::lab {
namespace {

namespace json = boost::json;

constexpr std::string_view magic = "rouse-lab snapshot 1\n";

} // namespace

std::string encode_header(const SnapshotHeader& header) {
    const json::object document{{"rig", rig_name(header.rig)},
                                {"memory", header.memory},
                                {"cid", header.cid},
                                {"kernel", header.kernel},
                                {"generation", header.generation},
                                {"network", header.network}};
    std::string bytes = std::string(magic) + json::serialize(document) + "\n";
    bytes.resize(snapshot_stream_offset, '\0');
    return bytes;
}

SnapshotHeader decode_header(std::string_view bytes) {
    if (!bytes.starts_with(magic)) throw LabError("it was not written by 'rouse-lab snapshot'");
    bytes.remove_prefix(magic.size());
    boost::system::error_code error;
    const json::value document = json::parse(bytes.substr(0, bytes.find('\n')), error);
    if (error) throw LabError(fmt::format("its header is damaged: {}", error.message()));
    try {
        const json::object& fields = document.as_object();
        const json::value* network = fields.if_contains("network"); // older files have none
        return {.rig = parse_rig(json::value_to<std::string>(fields.at("rig"))),
                .memory = json::value_to<unsigned>(fields.at("memory")),
                .cid = json::value_to<std::uint32_t>(fields.at("cid")),
                .kernel = json::value_to<std::string>(fields.at("kernel")),
                .generation = json::value_to<std::string>(fields.at("generation")),
                .network = network == nullptr ? "" : json::value_to<std::string>(*network)};
    } catch (const std::exception& problem) {
        throw LabError(fmt::format("its header is damaged: {}", problem.what()));
    }
}

SnapshotHeader read_snapshot_header(const std::filesystem::path& file) {
    errno = 0;
    std::ifstream in(file, std::ios::binary);
    std::string bytes(snapshot_stream_offset, '\0');
    if (!in.read(bytes.data(), static_cast<std::streamsize>(bytes.size())))
        throw LabError(fmt::format("cannot read the snapshot '{}': {}", file.string(),
                                   errno != 0 ? errno_text(errno) : "it is too short"));
    try {
        return decode_header(bytes);
    } catch (const LabError& problem) {
        throw LabError(
            fmt::format("cannot use '{}' as a snapshot: {}", file.string(), problem.what()));
    }
}

void write_snapshot_header(const std::filesystem::path& file, const SnapshotHeader& header) {
    errno = 0;
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out << encode_header(header);
    out.close();
    if (!out)
        throw LabError(
            fmt::format("cannot write the snapshot '{}': {}", file.string(), errno_text(errno)));
}

} // namespace rouse::lab
