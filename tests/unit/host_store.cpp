// The collector's files: what a crash leaves of them, whatever its moment, can be continued.
#include "initramfs/file.hpp"
#include "tests/support/records.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tools/host/raw_store.hpp"
#include "tools/host/record_form.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fmt/format.h>

#include <csignal>

#include <sys/resource.h>

using namespace rouse;
using namespace rouse::host;
using Partial = StreamStore::Partial;

namespace {

const std::string generation = "0b9f5f9e-6a43-4c54-9d5c-2d1c4c1b7a10";
const std::string parent_generation = "5d0c7b52-93c1-4a53-8a6e-0e7a1f9c2b34";

StorePlace place_in(const test::TemporaryDirectory& directory, Format format,
                    const std::string& boot_id = "boot") {
    StorePlace place;
    place.directory = directory.path() / "vm" / generation;
    place.identity = {.vm = "vm",
                      .boot_id = boot_id,
                      .generation = generation,
                      .stream = "stdout",
                      .parent = parent_generation};
    place.next = UINT64_MAX;
    place.format = format;
    return place;
}

std::filesystem::path file_of(const StorePlace& place) {
    const std::string suffix =
        place.format == Format::raw ? "" : std::string(form_of(place.format).suffix());
    return place.directory / ("stdout" + suffix);
}

std::unique_ptr<StreamStore> open(const StorePlace& place, const std::string& set_aside = {}) {
    OpenedStore opened = open_store(place).value();
    REQUIRE(opened.set_aside == set_aside);
    return std::move(opened.store);
}

/// What a stream brings, from offset 100 on: text, a message whose length looks like the end of an
/// entry, bytes that are no text, two gaps, an empty line, a line without end.
std::vector<Piece> pieces() {
    constexpr std::string_view third("\0\n{\"offset\":5}\nROUSE_NEXT=7\n\nlast", 33);
    const std::vector<std::string> runs{"first\nsecond\n", "0123456\x01\x02\x03\n\xff\xfe\n\n",
                                        std::string(third)};
    std::vector<Piece> all;
    std::uint64_t offset = 100;
    for (const std::string& run : runs) {
        if (offset > 100) {
            all.emplace_back(Piece::Kind::gap, offset, 10, std::string());
            offset += 10;
        }
        all.emplace_back(Piece::Kind::data, offset, run.size(), run);
        offset += run.size();
    }
    all.emplace_back(Piece::Kind::end, offset, 0, "closed");
    return all;
}

std::string all_bytes() {
    std::string bytes;
    for (const Piece& piece : pieces())
        if (piece.kind == Piece::Kind::data) bytes += piece.bytes;
    return bytes;
}

void check(const StorePlace& place, const test::Rebuilt& stream) {
    CHECK(stream.start == 100);
    CHECK(stream.bytes == all_bytes());
    CHECK(stream.gaps.size() == 2);
    CHECK(stream.eos == "closed");
    CHECK(stream.boot_id == place.identity.boot_id);
    CHECK(stream.parent == parent_generation);
}

/// What the files say, in whatever form.
test::Rebuilt rebuilt(const StorePlace& place) {
    const std::string text = initramfs::read_file(file_of(place));
    if (place.format == Format::json) return test::rebuild_json(text);
    if (place.format == Format::journal) return test::rebuild_journal(text);
    const RawRecord record =
        parse_raw_record(initramfs::read_file(file_of(place).string() + ".json")).value();
    test::Rebuilt stream;
    stream.begin(record.extent.start);
    stream.bytes = text;
    for (const Gap& gap : record.gaps)
        stream.gaps.emplace_back(gap.offset, gap.count);
    stream.eos = record.extent.eos.value_or("");
    stream.boot_id = record.boot_id;
    stream.parent = record.parent.value_or("");
    return stream;
}

} // namespace

TEST_CASE("bytes, gaps and the end of a stream come back in every form", "[host][store]") {
    const Format format = GENERATE(Format::raw, Format::json, Format::journal);
    const test::TemporaryDirectory directory;
    const StorePlace place = place_in(directory, format);
    {
        const auto store = open(place);
        REQUIRE_FALSE(store->extent().has_value());
        REQUIRE(store->begin(100).has_value());
        REQUIRE(store->write(pieces(), Partial::write).has_value());
        REQUIRE(store->sync().has_value());
        REQUIRE(store->write(pieces(), Partial::write).has_value()); // again: nothing is repeated
    }
    check(place, rebuilt(place));
    REQUIRE(open(place)->extent() ==
            Extent{.start = 100, .end = pieces().back().offset, .eos = "closed"});
}

TEST_CASE("wherever a crash cut the records off, nothing is lost and nothing repeated",
          "[host][store]") {
    const Format format = GENERATE(Format::json, Format::journal);
    const test::TemporaryDirectory directory;
    const StorePlace place = place_in(directory, format);
    {
        const auto store = open(place);
        REQUIRE(store->begin(100).has_value());
        REQUIRE(store->write(pieces(), Partial::write).has_value());
    }
    const std::string whole = initramfs::read_file(file_of(place));
    for (std::size_t length = 0; length <= whole.size(); ++length) {
        // Around the end of a line every byte counts; elsewhere one cut is like the next.
        const bool at_end_of_line = whole.substr(length, 4).find('\n') != std::string::npos;
        if (!at_end_of_line && length % 32 != 0) continue;
        INFO(length << " of " << whole.size() << " bytes");
        REQUIRE(replace_file(file_of(place), whole.substr(0, length)).has_value());
        const auto store = open(place);
        if (!store->extent()) REQUIRE(store->begin(100).has_value());
        REQUIRE(store->write(pieces(), Partial::write).has_value());
        const test::Rebuilt stream = rebuilt(place);
        REQUIRE(stream.bytes == all_bytes());
        REQUIRE(stream.next == pieces().back().offset);
    }
}

TEST_CASE("wherever a crash cut the raw bytes off, nothing is lost and nothing repeated",
          "[host][store]") {
    const test::TemporaryDirectory directory;
    const StorePlace place = place_in(directory, Format::raw);
    const std::vector<Piece> all = pieces();
    // After each piece that the store took, the file may have some bytes of the next one.
    for (std::size_t taken = 0; taken < all.size(); ++taken) {
        const std::size_t longest =
            all[taken].kind == Piece::Kind::data ? all[taken].bytes.size() : 0;
        for (std::size_t more = 0; more <= longest; ++more) {
            INFO(taken << " pieces and " << more << " bytes");
            std::filesystem::remove_all(place.directory);
            {
                const auto store = open(place);
                REQUIRE(store->begin(100).has_value());
                REQUIRE(store
                            ->write({all.begin(), all.begin() + static_cast<std::ptrdiff_t>(taken)},
                                    Partial::write)
                            .has_value());
            }
            REQUIRE(append_file(file_of(place), all[taken].bytes.substr(0, more)).has_value());
            const auto store = open(place);
            REQUIRE(store->extent()->end == all[taken].offset + more);
            REQUIRE(store->write(all, Partial::write).has_value());
            check(place, rebuilt(place));
        }
    }
}

TEST_CASE("a line is one record, however it came", "[host][store]") {
    const Format format = GENERATE(Format::json, Format::journal);
    const test::TemporaryDirectory directory;
    const StorePlace place = place_in(directory, format);
    const auto store = open(place);
    REQUIRE(store->begin(0).has_value());
    REQUIRE(
        store->write({Piece(Piece::Kind::data, 0, 9, "one\ntwo a")}, Partial::hold).has_value());
    REQUIRE(store->extent()->end == 4);
    REQUIRE(store->write({Piece(Piece::Kind::data, 4, 7, "two and")}, Partial::hold).has_value());
    REQUIRE(store->extent()->end == 4);
    REQUIRE(
        store->write({Piece(Piece::Kind::data, 4, 10, "two and a\n")}, Partial::hold).has_value());
    REQUIRE(store->extent()->end == 14);
    const std::string text = initramfs::read_file(file_of(place));
    const std::string wanted =
        format == Format::json ? R"("text":"two and a\n")" : "\nMESSAGE=two and a\n";
    CHECK(text.find(wanted) != std::string::npos);
    // A line that does not end is written in pieces, none of which cuts a character.
    std::string endless;
    while (endless.size() < 100'000)
        endless += "é€";
    const Piece piece(Piece::Kind::data, 14, endless.size(), endless);
    REQUIRE(store->write({piece}, Partial::hold).has_value());
    CHECK(store->extent()->end > 14 + endless.size() - 17'000);
    REQUIRE(store->write({piece}, Partial::write).has_value());
    CHECK(initramfs::read_file(file_of(place)).find("base64") == std::string::npos);
    CHECK(rebuilt(place).bytes == "one\ntwo and a\n" + endless);
}

TEST_CASE("files of another boot, or beyond what the guest wrote, are set aside", "[host][store]") {
    const Format format = GENERATE(Format::raw, Format::json, Format::journal);
    const test::TemporaryDirectory directory;
    StorePlace place = place_in(directory, format);
    {
        const auto store = open(place);
        REQUIRE(store->begin(0).has_value());
        REQUIRE(
            store->write({Piece(Piece::Kind::data, 0, 4, "one\n")}, Partial::write).has_value());
    }
    const std::string first = initramfs::read_file(file_of(place));
    place.identity.boot_id = "other";
    const std::string other_boot = "it is of another boot of the machine";
    {
        const auto store = open(place, other_boot);
        REQUIRE_FALSE(store->extent().has_value());
        REQUIRE(store->begin(0).has_value());
        REQUIRE(
            store->write({Piece(Piece::Kind::data, 0, 4, "two\n")}, Partial::write).has_value());
    }
    place.next = 3;
    REQUIRE_FALSE(
        open(place, "it has bytes up to offset 4, the guest has written 3")->extent().has_value());
    const std::string suffix = file_of(place).extension().string();
    CHECK(initramfs::read_file(place.directory / ("stdout.1" + suffix)) == first);
    CHECK(std::filesystem::exists(place.directory / ("stdout.2" + suffix)));
}

TEST_CASE("a raw record that cannot be of its file is set aside with it", "[host][store]") {
    for (const char* record :
         {"{", "{}", R"({"start": 5, "end": 4})", R"({"start":0,"end":9,"eos":"closed"})",
          R"({"start":0,"end":9,"gaps":[{"offset":8,"count":1}]})"}) {
        INFO(record);
        const test::TemporaryDirectory directory;
        const StorePlace place = place_in(directory, Format::raw, "");
        std::filesystem::create_directories(place.directory);
        REQUIRE(replace_file(file_of(place), "short").has_value());
        REQUIRE(replace_file(file_of(place).string() + ".json", record).has_value());
        const OpenedStore opened = open_store(place).value();
        CHECK_FALSE(opened.set_aside.empty());
        CHECK_FALSE(opened.store->extent().has_value());
        CHECK(initramfs::read_file(place.directory / "stdout.1") == "short");
        CHECK(initramfs::read_file(place.directory / "stdout.1.json") == record);
    }
}

TEST_CASE("more gaps than a record may hold go into new files", "[host][store]") {
    const test::TemporaryDirectory directory;
    const StorePlace place = place_in(directory, Format::raw);
    std::vector<Piece> many;
    for (std::uint64_t number = 0; number <= RawStore::most_gaps; ++number) {
        many.emplace_back(Piece::Kind::data, 2 * number, 1, "x");
        many.emplace_back(Piece::Kind::gap, 2 * number + 1, 1, std::string());
    }
    const auto store = open(place);
    REQUIRE(store->begin(0).has_value());
    REQUIRE(store->write(many, Partial::write).has_value());
    const RawRecord old =
        parse_raw_record(initramfs::read_file(place.directory / "stdout.1.json")).value();
    const RawRecord now =
        parse_raw_record(initramfs::read_file(place.directory / "stdout.json")).value();
    CHECK(old.gaps.size() == RawStore::most_gaps);
    CHECK(old.extent.end == now.extent.start);
    CHECK(now.extent.end == many.back().next());
    CHECK(initramfs::read_file(place.directory / "stdout.1") ==
          std::string(RawStore::most_gaps + 1, 'x'));
}

TEST_CASE("a disk that is full takes a whole prefix, and the rest later", "[host][store]") {
    const Format format = GENERATE(Format::raw, Format::json, Format::journal);
    const test::TemporaryDirectory directory;
    const StorePlace place = place_in(directory, format);
    const auto store = open(place);
    REQUIRE(store->begin(0).has_value());
    const std::string line(50'000, 'x');
    const std::vector<Piece> run{
        Piece(Piece::Kind::data, 0, 2 * line.size() + 2, line + "\n" + line + "\n")};
    // A limit on the size of files does what a full disk does, and only to this process.
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    rlimit small = before;
    small.rlim_cur = 70'000;
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    (void)::signal(SIGXFSZ, SIG_IGN); // the write fails instead
    const auto written = store->write(run, Partial::write);
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    REQUIRE(written.has_error());
    REQUIRE(open(place)->extent() == store->extent());
    REQUIRE(store->write(run, Partial::write).has_value());
    REQUIRE(rebuilt(place).bytes == run.front().bytes);
}
