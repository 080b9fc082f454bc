// The parts of the lab that are plain values: lines, headers, command lines, scripts.
#include "proto/restore.hpp"
#include "tools/lab/console.hpp"
#include "tools/lab/error.hpp"
#include "tools/lab/guest.hpp"
#include "tools/lab/guest_words.hpp"
#include "tools/lab/identity.hpp"
#include "tools/lab/nested_script.hpp"
#include "tools/lab/qemu.hpp"
#include "tools/lab/qmp.hpp"
#include "tools/lab/snapshot_file.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <string>

using namespace rouse;
using lab::QmpLine;

TEST_CASE("a line of QEMU is a greeting, an event, a result or an error", "[lab]") {
    REQUIRE(lab::classify({{"QMP", nullptr}}) == QmpLine::greeting);
    REQUIRE(lab::classify({{"event", "STOP"}}) == QmpLine::event);
    REQUIRE(lab::classify({{"return", nullptr}}) == QmpLine::result);
    REQUIRE(lab::classify({{"error", nullptr}}) == QmpLine::error);
    REQUIRE_THROWS_AS(lab::classify({{"other", 1}}), lab::LabError);
}

TEST_CASE("the header of a snapshot comes back as it was written", "[lab]") {
    const lab::SnapshotHeader header{.rig = lab::Rig::kvm,
                                     .memory = 512,
                                     .cid = 77,
                                     .kernel = "6.1",
                                     .generation = "a-b",
                                     .network = "user"};
    const std::string bytes = lab::encode_header(header);
    REQUIRE(bytes.size() == lab::snapshot_stream_offset);
    const auto read = lab::decode_header(bytes);
    REQUIRE(read.rig == lab::Rig::kvm);
    REQUIRE(read.memory == 512);
    REQUIRE(read.network == "user");
    REQUIRE(read.cid == 77);
    REQUIRE(read.kernel == "6.1");
    REQUIRE(read.generation == "a-b");
}

TEST_CASE("a file that is no snapshot is refused", "[lab]") {
    REQUIRE_THROWS_AS(lab::decode_header(""), lab::LabError);
    REQUIRE_THROWS_AS(lab::decode_header("rouse-lab snapshot 1\n{\"rig\":\"tcg\"}\n"),
                      lab::LabError);
    REQUIRE_THROWS_AS(lab::decode_header("rouse-lab snapshot 1\n{\n"), lab::LabError);
}

TEST_CASE("a console is read without what controls a terminal", "[lab]") {
    REQUIRE(lab::plain_text("\x1b"
                            "c\x1b[?7l\x1b[2J\x1b[0mBooting\r\n") == "Booting\n");
    REQUIRE(lab::plain_text("cut \x1b") == "cut ");
    REQUIRE(lab::plain_text("cut \x1b[12") == "cut ");
}

TEST_CASE("only an HTTP status line has a status", "[lab]") {
    REQUIRE(lab::parse_status_line("HTTP/1.1 200 OK\r\n") == 200);
    REQUIRE(lab::parse_status_line("HTTP/1.1 503\r\n") == 503);
    REQUIRE_FALSE(lab::parse_status_line("HTTP/1.1 2x0 OK"));
    REQUIRE_FALSE(lab::parse_status_line("OK 1024\n"));
    REQUIRE_FALSE(lab::parse_status_line("HTTP/1.1 20"));
}

TEST_CASE("an answer of the guest counts only when it is whole", "[lab]") {
    const std::string head = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 3\r\n\r\n";
    const auto reply = lab::parse_reply(head + "yes");
    REQUIRE(reply.has_value());
    REQUIRE(reply->status == 503);
    REQUIRE(reply->body == "yes");
    REQUIRE_FALSE(lab::parse_reply(head + "ye").has_value());
    REQUIRE_FALSE(lab::parse_reply("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n").has_value());
    REQUIRE_FALSE(lab::parse_reply("HTTP/1.1 200 OK\r\n\r\nyes").has_value());
    REQUIRE_FALSE(lab::parse_reply("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nyes").has_value());
}

TEST_CASE("identities are fresh and well formed", "[lab]") {
    const std::string uuid = lab::random_uuid();
    REQUIRE(uuid.size() == 36);
    REQUIRE(uuid.at(14) == '4');
    REQUIRE(uuid != lab::random_uuid());
    REQUIRE(lab::random_cid() > 2);
    const auto document =
        proto::parse_restore_document(boost::json::serialize(lab::restore_document(uuid)));
    REQUIRE(document.has_value());
    REQUIRE(document->generation == uuid);
    REQUIRE(document->entropy.size() == 32);
    REQUIRE(lab::restore_document(uuid) != lab::restore_document(uuid));
    REQUIRE(lab::restore_document(uuid, {{"hostname", "one"}}).at("hostname") == "one");
    const std::string id = lab::random_machine_id();
    REQUIRE(id.size() == 32);
    REQUIRE(id.find_first_not_of("0123456789abcdef") == std::string::npos);
    REQUIRE(id != lab::random_machine_id());
}

namespace {

lab::QemuPlan plan(lab::Rig rig) {
    lab::QemuPlan result;
    result.rig = rig;
    result.files.directory = "/m";
    result.cid = 9;
    result.generation = "g";
    return result;
}

bool has(const std::vector<std::string>& words, const std::string& part) {
    return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
        return word.find(part) != std::string::npos;
    });
}

} // namespace

TEST_CASE("each rig gives a machine its own kind of vsock device", "[lab]") {
    auto kvm = plan(lab::Rig::kvm);
    kvm.boot.emplace();
    REQUIRE(has(lab::qemu_command(kvm), "vhost-vsock-pci,guest-cid=9"));
    auto tcg = plan(lab::Rig::tcg);
    tcg.boot.emplace();
    REQUIRE(has(lab::qemu_command(tcg), "vhost-user-vsock-pci"));
    REQUIRE(has(lab::qemu_command(tcg), "share=on"));
}

TEST_CASE("a machine to be restored waits, under TCG without a vsock device", "[lab]") {
    const auto tcg = lab::qemu_command(plan(lab::Rig::tcg));
    REQUIRE(has(tcg, "-incoming"));
    REQUIRE_FALSE(has(tcg, "vhost-user-vsock-pci"));
    REQUIRE_FALSE(has(tcg, "-kernel"));
    REQUIRE(has(lab::qemu_command(plan(lab::Rig::kvm)), "vhost-vsock-pci"));
}

TEST_CASE("a machine's console is kept in a file, whoever else reads it", "[lab]") {
    const auto command = lab::qemu_command(plan(lab::Rig::tcg));
    REQUIRE(has(command, "path=/m/tty.sock,server=on,wait=off,logfile=/m/console"));
    REQUIRE(has(command, "chardev:console"));
}

TEST_CASE("any text is one word of a shell", "[lab]") {
    REQUIRE(lab::shell_word("a b") == "'a b'");
    REQUIRE(lab::shell_word("it's $x") == R"('it'\''s $x')");
    REQUIRE(lab::shell_word("").size() == 2);
}

TEST_CASE("a folder that the outer VM hides is bound back when it is needed", "[lab]") {
    lab::NestedCommand command;
    command.argv = {"true"};
    command.directory = "/tmp/work";
    command.visible = {"/tmp/work", "/srv/build"};
    const std::string script = lab::nested_init_script(command);
    REQUIRE(script.find("mount --bind '/host/tmp/work' /keep/0") != std::string::npos);
    REQUIRE(script.find("mount --bind /keep/0 '/host/tmp/work'") != std::string::npos);
    REQUIRE(script.find("/srv/build") == std::string::npos);
}
