#pragma once
// What the collector has of one stream of one generation, as a file that a crash of the collector
// leaves usable: it loses nothing that was acknowledged and repeats nothing.
//
//              write(pieces)          sync()
//   pieces ─────────────────▶ file ──────────▶ ACK        the guest forgets only after the last
//   arrow
//
// The data file itself says how much of the stream is held; nothing else is written that could
// disagree with it. A crash between two writes, or in the middle of one, therefore needs no repair
// but to cut off a record that is not whole; the guest, which still has everything that was not
// acknowledged, goes on from there.
//
// `write` may be called again with the same pieces, also after a failure: what is held already is
// skipped. Not thread-safe; one call at a time, on any thread.

#include "tools/host/async.hpp"
#include "tools/host/files.hpp"
#include "tools/host/piece.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

namespace rouse::host {

/// In which form the streams are written.
enum class Format { raw, json, journal };

/// Which bytes of a stream are held. Bytes of gaps within count as held.
struct Extent {
    std::uint64_t start = 0; ///< offset of the first byte
    std::uint64_t end = 0;   ///< offset after the last one
    std::optional<std::string> eos;

    friend bool operator==(const Extent&, const Extent&) = default;
};

class StreamStore {
public:
    /// What to do with a line that has not ended yet, in forms that write a record for each line.
    enum class Partial { hold, write };

    StreamStore() = default;
    StreamStore(const StreamStore&) = delete;
    StreamStore& operator=(const StreamStore&) = delete;
    virtual ~StreamStore() = default;

    /// Nothing before begin() was ever called for this stream.
    [[nodiscard]] virtual const std::optional<Extent>& extent() const = 0;
    /// The first byte that will come has this offset. Only where there is no extent.
    virtual Outcome<> begin(std::uint64_t offset) = 0;
    /// Adds what lies behind the end; the extent then says how much was taken, which with
    /// Partial::hold may be less than all. Fails when the file system refuses.
    virtual Outcome<> write(const std::vector<Piece>& pieces, Partial partial) = 0;
    /// Makes what was written survive a crash of the machine. After a failure the store cannot be
    /// used any more: the kernel may have forgotten bytes that it had taken.
    virtual Outcome<> sync() = 0;
};

class Arrivals;

/// Where a stream belongs, and what its guest says about it.
struct StorePlace {
    std::filesystem::path directory; ///< of the generation; made where it is missing
    StreamIdentity identity;
    std::uint64_t next = 0; ///< offset of the byte that the guest writes next
    Format format = Format::raw;
    Durable durable = Durable::no;
    std::shared_ptr<Arrivals> arrivals; ///< raw only; may be empty
};

/// A store that was opened, and in words why what was there before was set aside, if it was: it
/// cannot be read, is of another boot, or goes beyond what the guest has written.
struct OpenedStore {
    std::unique_ptr<StreamStore> store;
    std::string set_aside;
};

/// Opens what an earlier run left, or nothing yet. Files that do not belong to this stream are kept
/// under a free name (stdout.1, stdout.2, …). Fails when the file system refuses.
Outcome<OpenedStore> open_store(const StorePlace& place);

/// Puts files BASE+SUFFIX aside as BASE.N+SUFFIX, with the first N that is free. Those that do not
/// exist are skipped.
Outcome<> set_aside(const std::filesystem::path& base, const std::vector<std::string>& suffixes);

} // namespace rouse::host
