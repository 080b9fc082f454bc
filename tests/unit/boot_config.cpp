// Where the configuration comes from, and what happens to one that is wrong.

#include "agent/boot/load_config.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <csignal>
#include <fstream>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;

namespace {

boot::LoadedConfig load(const std::string& text, std::string_view command_line = "",
                        const proto::Config& base = {}) {
    const test::TemporaryDirectory directory;
    const std::string file = directory.path() / "config.json";
    std::ofstream(file) << text;
    return boot::load_config({.config = file, .image = {}}, command_line, base);
}

} // namespace

TEST_CASE("without a file and without keys the defaults hold", "[boot]") {
    const auto loaded = boot::load_config(
        {.config = "/nonexistent/config.json", .image = "/nonexistent/image.json"},
        "console=ttyS0 quiet");
    CHECK(loaded.config == proto::Config{});
    CHECK(loaded.errors.empty());
    CHECK(loaded.warnings.empty());
}

TEST_CASE("the kernel command line wins over the file", "[boot]") {
    const auto loaded = load(R"({"workload": {"argv": ["/bin/a"], "cwd": "/srv"},
                                 "hostname": "file"})",
                             "rouse.hostname=line rouse.workload=\"/bin/b -x\"");
    CHECK(loaded.errors.empty());
    CHECK(loaded.config.hostname == "line");
    CHECK(loaded.config.workload.argv == std::vector<std::string>{"/bin/b", "-x"});
    CHECK(loaded.config.workload.cwd == "/srv");
}

TEST_CASE("a file with an error is used in no part, and the message has the path", "[boot]") {
    const auto loaded = load(R"({"workload": {"argv": ["/bin/a", 7]}, "hostname": "file"})");
    CHECK(loaded.config == proto::Config{});
    REQUIRE(loaded.errors.size() == 1);
    CHECK_THAT(loaded.errors[0], ContainsSubstring("config.json: $.workload.argv[1]: "));
}

TEST_CASE("a file that is not JSON leaves a guest without a workload", "[boot]") {
    for (const char* const text : {"", "{", "[]", "nonsense", "{\"workload\": 3}"}) {
        CAPTURE(text);
        const auto loaded = load(text);
        CHECK(loaded.config.workload.argv.empty());
        CHECK_FALSE(loaded.errors.empty());
    }
}

TEST_CASE("unknown keys are warnings and the rest is used", "[boot]") {
    const auto loaded = load(R"({"hostname": "vm", "colour": "blue"})", "rouse.shape=round");
    CHECK(loaded.config.hostname == "vm");
    CHECK(loaded.errors.empty());
    REQUIRE(loaded.warnings.size() == 2);
    CHECK_THAT(loaded.warnings[0], ContainsSubstring("colour"));
    CHECK_THAT(loaded.warnings[1], ContainsSubstring("kernel command line: rouse.shape"));
}

TEST_CASE("a wrong key of the command line is told and not used", "[boot]") {
    const auto loaded = load("{}", "rouse.exec_port=many rouse.hostname=vm");
    CHECK(loaded.config.ports.exec == proto::Ports{}.exec);
    CHECK(loaded.config.hostname == "vm");
    REQUIRE(loaded.errors.size() == 1);
    CHECK_THAT(loaded.errors[0], ContainsSubstring("rouse.exec_port"));
}

TEST_CASE("a token comes from a file, and one that cannot be read lets nobody in", "[boot]") {
    const test::TemporaryDirectory directory;
    const std::string file = directory.path() / "token";
    const std::string config = "{\"token_file\": \"" + file + "\"}";
    const auto missing = load(config);
    CHECK(missing.token.size() >= 32);
    CHECK(load(config).token != missing.token);
    REQUIRE(missing.errors.size() == 1);
    CHECK_THAT(missing.errors.front(), ContainsSubstring(file) && ContainsSubstring("refuses"));
    std::ofstream(file) << "too short\n";
    CHECK(load(config).errors.size() == 1);
    std::ofstream(file) << "0123456789abcdef\nsecond line\n";
    CHECK(load(config).token == "0123456789abcdef");
    CHECK(load(config).errors.empty());
}

namespace {

constexpr const char* image =
    R"({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers"},
    "config": {"Entrypoint": ["/bin/server"], "Cmd": ["--port", "80"], "Env": ["A=1", "B=x=y"],
               "WorkingDir": "/srv", "User": "www", "StopSignal": "SIGQUIT", "Labels": null,
               "ExposedPorts": {"80/tcp": {}}}})";

boot::LoadedConfig load_both(const std::string& image_text, const std::string& text,
                             std::string_view command_line = "") {
    const test::TemporaryDirectory directory;
    const boot::ConfigFiles files{.config = directory.path() / "config.json",
                                  .image = directory.path() / "image.json"};
    std::ofstream(files.image) << image_text;
    std::ofstream(files.config) << text;
    return boot::load_config(files, command_line);
}

} // namespace

TEST_CASE("the configuration of an OCI image is taken as it is", "[boot]") {
    for (const auto& loaded : {load(image), load_both(image, "{}")}) {
        CHECK(loaded.errors.empty());
        CHECK(loaded.warnings.empty());
        const proto::Command& workload = loaded.config.workload;
        CHECK(workload.argv == std::vector<std::string>{"/bin/server", "--port", "80"});
        CHECK(workload.env == std::map<std::string, std::string>{{"A", "1"}, {"B", "x=y"}});
        CHECK(workload.cwd == "/srv");
        CHECK(workload.user == "www");
        CHECK(loaded.config.supervision.stop_signal == SIGQUIT);
    }
}

TEST_CASE("image, file and kernel command line win in this order", "[boot]") {
    const auto loaded =
        load_both(image, R"({"workload": {"env": {"A": "2", "C": "3"}, "cwd": "/file"},
                             "stop_signal": "HUP"})",
                  "rouse.cwd=/line");
    CHECK(loaded.errors.empty());
    const proto::Command& workload = loaded.config.workload;
    CHECK(workload.argv.front() == "/bin/server");
    CHECK(workload.env == std::map<std::string, std::string>{{"A", "2"}, {"B", "x=y"}, {"C", "3"}});
    CHECK(workload.cwd == "/line");
    CHECK(loaded.config.supervision.stop_signal == SIGHUP);
}

TEST_CASE("an image's configuration with an error is used in no part", "[boot]") {
    const auto wrong = [](const std::string& member) {
        const auto loaded = load_both("{\"config\": {" + member + "}}", R"({"hostname": "h"})");
        CHECK(loaded.config == proto::Config{});
        REQUIRE(loaded.errors.size() == 1);
        return loaded.errors.front();
    };
    CHECK_THAT(wrong(R"("Env": ["A=1", "B"])"),
               ContainsSubstring("image.json: $.config.Env[1]: must be NAME=VALUE"));
    CHECK_THAT(wrong(R"("Entrypoint": "sh")"),
               ContainsSubstring("$.config.Entrypoint: must be an array of strings"));
    CHECK_THAT(wrong(R"("User": 7)"), ContainsSubstring("$.config.User: must be a string or null"));
    CHECK_THAT(wrong(R"("StopSignal": "SIGNAL")"),
               ContainsSubstring("$.config.StopSignal: must be"));
}

TEST_CASE("an image that says null for what it does not have is no error", "[boot]") {
    const auto loaded = load(R"({"config": {"Entrypoint": null, "Cmd": ["sh"], "Env": null,
                                            "WorkingDir": "", "User": "", "StopSignal": null}})");
    CHECK(loaded.errors.empty());
    CHECK(loaded.config.workload.argv == std::vector<std::string>{"sh"});
    CHECK(load(R"({"config": null})").errors.empty());
}

TEST_CASE("a boot document wins over the files, and the kernel command line over both", "[boot]") {
    const auto loaded = load(R"({"workload": {"argv": ["/bin/a"], "cwd": "/srv",
                                              "env": {"A": "1", "B": "1"}}, "hostname": "h"})",
                             "rouse.workload=/bin/line");
    const auto added = boot::add_boot_document(
        loaded.beneath,
        R"({"workload": {"argv": ["/bin/b"], "env": {"B": "2"}, "user": "www"},
            "restart": {"policy": "always"}})",
        "link", "rouse.workload=/bin/line");
    CHECK(added.errors.empty());
    CHECK(added.config.workload.argv == std::vector<std::string>{"/bin/line"});
    CHECK(added.config.workload.cwd == "/srv");
    CHECK(added.config.workload.user == "www");
    CHECK(added.config.workload.env == std::map<std::string, std::string>{{"A", "1"}, {"B", "2"}});
    CHECK(added.config.supervision.restart.policy == proto::RestartPolicy::always);
    CHECK(added.config.hostname == "h");
}

TEST_CASE("a boot document cannot say what is settled when it comes", "[boot]") {
    const auto wrong = [](const std::string& document) {
        return boot::add_boot_document({}, document, "link", "").errors;
    };
    using Errors = std::vector<std::string>;
    CHECK(wrong(R"({"ports": {"exec": 7}, "on_exit": "stay"})") ==
          Errors{"link: $.ports: comes too late in a boot document"});
    CHECK(wrong(R"({"restart": {"policy": 1}})") ==
          Errors{"link: $.restart.policy: must be a string"});
    CHECK(wrong("[]") == Errors{"link: $: must be an object"});
    const auto unknown = boot::add_boot_document({}, R"({"colour": "red"})", "link", "");
    CHECK(unknown.errors.empty());
    CHECK(unknown.warnings == Errors{"link: $.colour: is not a known key"});
}

TEST_CASE("what was wrong with the initramfs's configuration is not lost with its root", "[boot]") {
    proto::Config base;
    base.token_file = "/nonexistent/token";
    const auto initramfs =
        load(R"({"ports": {"exec": "x"}, "colour": "red"})", "rouse.on_exit=never", base);
    REQUIRE(initramfs.errors.size() == 3);
    REQUIRE(initramfs.token_refused);
    const auto lasting = boot::lasting_errors(initramfs);
    REQUIRE(lasting.size() == 2);
    CHECK_THAT(lasting[0], ContainsSubstring("$.ports.exec"));
    CHECK_THAT(lasting[1], ContainsSubstring("on_exit"));
    // The root has the file of the token, and another mistake.
    auto root = load(R"({"hostname": 7})", "rouse.on_exit=never");
    REQUIRE(root.errors.size() == 2);
    boot::add_earlier_problems(initramfs, root);
    REQUIRE(root.errors.size() == 3);
    CHECK(root.errors[0] == lasting[0]);
    CHECK_THAT(root.errors[1], ContainsSubstring("$.hostname"));
    CHECK(root.errors[2] == lasting[1]);
    CHECK(root.warnings == initramfs.warnings);
    CHECK(root.warnings.size() == 1);
}
