#pragma once
// Which restore document the next hello of one machine gets.
//
//   PLACE            a file, for the one machine there is, or
//   PLACE/NAME.json  a file for each machine; it may come into being later
//
// An orchestrator writes the document before the restored machine goes on. A generation is given to
// one incarnation only: whoever comes with another one after it was taken is a second restore that
// nobody wrote a document for, and would mix its output with that of the first.

#include "proto/restore.hpp"
#include "tools/host/async.hpp"

#include <filesystem>
#include <optional>
#include <set>
#include <string>

namespace rouse::host {

/// What is written down for a machine; an empty document where there is no file. Blocks.
/// Errors: names the file and the place in it.
Outcome<proto::RestoreDocument> read_restore_document(const std::filesystem::path& place,
                                                      const std::string& name);

/// The same with what belongs to this very moment: what the wall clock says when the document has
/// gone its `way`, and 32 random bytes before the document's own entropy, so that no two guests
/// ever get the same. Throws std::runtime_error when the kernel gives no random bytes.
proto::RestoreDocument stamp(proto::RestoreDocument document, Clock::duration way);

/// Not thread-safe.
class RestoreLedger {
public:
    /// What of `document` a guest of `generation` gets: all of it, nothing when its generation was
    /// taken by another incarnation before. `known`: somebody of the document's generation has left
    /// files.
    /// Errors: this guest's generation was exchanged for that of the document once already.
    Outcome<proto::RestoreDocument> hand_out(proto::RestoreDocument document,
                                             const std::string& generation, bool known);

    /// Somebody says that it is of this generation.
    void taken(const std::string& generation) { taken_.insert(generation); }

private:
    struct Given {
        std::string to;
        std::string generation;
    };
    std::optional<Given> last_;
    std::set<std::string> taken_;
};

} // namespace rouse::host
