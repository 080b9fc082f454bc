// rouse-initramfs: writes the initramfs of a guest.
#include "initramfs/file.hpp"
#include "initramfs/image.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace {

struct Arguments {
    rouse::initramfs::ImageOptions image;
    std::string kernel;
    std::string config;
    std::string output;
    std::vector<std::string> files;
    bool plain = false;
    bool root = false;
    bool no_busybox = false;
};

void declare(CLI::App& app, Arguments& to) {
    app.add_option("--init", to.image.init, "the agent: becomes /init")->required();
    app.add_option("--kernel", to.kernel, "kernel directory whose modules go in");
    app.add_option("--module", to.image.modules, "modules that the guest loads at boot");
    app.add_option("--extra-module", to.image.extra_modules, "modules that are only put in");
    app.add_flag("--root", to.root, "for a root on a disk: load virtio_blk, put in file systems");
    app.add_option("--busybox", to.image.busybox, "a static busybox");
    app.add_flag("--no-busybox", to.no_busybox, "leave busybox out");
    app.add_option("--file", to.files, "SOURCE=DESTINATION[:MODE], may be repeated");
    app.add_option("--config", to.config, "becomes /etc/rouse/config.json");
    app.add_flag("--plain", to.plain, "do not compress");
    app.add_option("-o,--output", to.output, "the image to write")->required();
}

void write_image(Arguments& arguments) {
    auto& image = arguments.image;
    if (!arguments.kernel.empty()) image.kernel = arguments.kernel;
    if (!arguments.config.empty()) image.config = rouse::initramfs::read_file(arguments.config);
    if (arguments.no_busybox) image.busybox.clear();
    if (arguments.root) {
        image.modules.emplace_back("virtio_blk");
        image.wanted_modules = rouse::initramfs::modules_for_root();
    }
    if (arguments.plain) image.compression = rouse::initramfs::Compression::none;
    for (const auto& text : arguments.files)
        image.files.push_back(rouse::initramfs::parse_extra_file(text));
    rouse::initramfs::write_file(arguments.output, rouse::initramfs::build_image(image));
}

int run(int argc, char** argv) {
    CLI::App app(
        "Writes the initramfs of a guest: the agent, its modules, busybox, configuration.");
    Arguments arguments;
    declare(app, arguments);
    CLI11_PARSE(app, argc, argv);
    write_image(arguments);
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        // What cannot be printed has nowhere else to go.
        (void)std::fputs("rouse-initramfs: ", stderr);
        (void)std::fputs(error.what(), stderr);
        (void)std::fputs("\n", stderr);
        return 1;
    }
}
