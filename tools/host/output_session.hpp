#pragma once
// One output connection, as the host serves it: HELLO, WELCOME, then DATA and ACK to the end of the
// stream. The picture is in proto/README.md.
//
//   follow(): frames ──▶ spool ──▶ drain(): store, then ACK
//
// The two run side by side: what comes while the disk is busy waits in the spool, which the credit
// bounds, and becomes one larger write.

#include "proto/output.hpp"
#include "tools/host/collector.hpp"

namespace rouse::host {

class OutputSession {
public:
    /// Borrows the collector.
    OutputSession(Collector& collector, Socket socket);

    /// Serves until the connection ends.
    Awaitable<> run();

private:
    Awaitable<Outcome<proto::OutputHello>> greet();
    Awaitable<Outcome<>> check(const proto::OutputHello& hello, Reception::Visit& visit);
    Awaitable<Outcome<>> open(const proto::OutputHello& hello);
    Awaitable<Outcome<>> welcome(proto::OutputHello hello);
    Awaitable<> refuse(std::string kind, std::string message);

    // What comes.
    Awaitable<> follow();
    /// A guest that does not keep to its credit waits here while the disk is busy.
    Awaitable<> wait_for_room();
    Outcome<> take(const proto::Frame& frame);
    Outcome<> take_data(const proto::Frame& frame);
    Outcome<> take_end(const proto::Frame& frame);
    Outcome<> take_dropped(const proto::Frame& frame);
    void spool(Piece piece);

    // What is written and acknowledged.
    Awaitable<> drain();
    /// Waits until there is something to write or to acknowledge, or nothing more will come.
    Awaitable<> wait_for_work();
    [[nodiscard]] bool has_work() const;
    /// Whether what has come is to be acknowledged now.
    [[nodiscard]] bool due() const;
    /// Writes what is in the spool; with Partial::write all of it, and synced if that was asked
    /// for.
    Awaitable<Outcome<>> store(StreamStore::Partial partial);
    /// What a store did not take goes back in front of what came meanwhile.
    void put_back(std::vector<Piece> batch);
    Awaitable<> log_losses();
    /// Says that the disk refuses and waits a moment; false when there is no point in going on.
    Awaitable<bool> be_patient(const Failure& failure);
    /// Releases what is stored.
    void acknowledge();

    Collector& collector_;
    FrameStream stream_;
    std::string name_; ///< "stdout" or "stderr", once the hello is believed
    std::unique_ptr<StreamStore> store_;
    Outcome<> outcome_; ///< why the connection ended

    std::optional<std::uint64_t> resume_; ///< what the guest is told in WELCOME
    std::vector<Piece> spool_;
    std::size_t held_ = 0;       ///< bytes in memory: in the spool and in the write under way
    std::vector<Piece> lost_;    ///< gaps that were not spoken of yet
    std::uint64_t received_ = 0; ///< offset after what is in the spool
    std::uint64_t acknowledged_ = 0;
    bool ended_ = false; ///< EOS came
    bool ack_now_ = false;
    bool fresh_ = false;                      ///< something came since the last write began
    bool closing_ = false;                    ///< nothing more will come
    bool patient_ = false;                    ///< the disk refused the last write
    bool unusable_ = false;                   ///< the store lost what it had taken
    std::optional<Clock::time_point> ack_at_; ///< when what came first is to be acknowledged
    Timer work_;                              ///< cancelled when drain() has something to do
    Timer room_;                              ///< cancelled when the spool became smaller
};

} // namespace rouse::host
