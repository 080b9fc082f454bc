#include "tests/uml/packet.hpp"

#include <cstring>

namespace rouse::uml {
namespace {

/// Writes or reads the fields one after the other; the machine is little-endian like the wire.
class Cursor {
public:
    template <typename T>
    void put(char* bytes, T value) {
        std::memcpy(bytes + at_, &value, sizeof value);
        at_ += sizeof value;
    }
    template <typename T>
    void get(const char* bytes, T& value) {
        std::memcpy(&value, bytes + at_, sizeof value);
        at_ += sizeof value;
    }

private:
    std::size_t at_ = 0;
};

} // namespace

std::string_view name(Op op) {
    switch (op) {
    case Op::invalid:
        break;
    case Op::request:
        return "REQUEST";
    case Op::response:
        return "RESPONSE";
    case Op::rst:
        return "RST";
    case Op::shutdown:
        return "SHUTDOWN";
    case Op::rw:
        return "RW";
    case Op::credit_update:
        return "CREDIT_UPDATE";
    case Op::credit_request:
        return "CREDIT_REQUEST";
    }
    return "INVALID";
}

std::array<char, PacketHeader::size> encode(const PacketHeader& header) {
    std::array<char, PacketHeader::size> bytes{};
    Cursor cursor;
    cursor.put(bytes.data(), header.source_cid);
    cursor.put(bytes.data(), header.destination_cid);
    cursor.put(bytes.data(), header.source_port);
    cursor.put(bytes.data(), header.destination_port);
    cursor.put(bytes.data(), header.length);
    cursor.put(bytes.data(), header.type);
    cursor.put(bytes.data(), header.op);
    cursor.put(bytes.data(), header.flags);
    cursor.put(bytes.data(), header.buffer);
    cursor.put(bytes.data(), header.forwarded);
    return bytes;
}

PacketHeader decode(std::span<const char, PacketHeader::size> bytes) {
    PacketHeader header;
    Cursor cursor;
    cursor.get(bytes.data(), header.source_cid);
    cursor.get(bytes.data(), header.destination_cid);
    cursor.get(bytes.data(), header.source_port);
    cursor.get(bytes.data(), header.destination_port);
    cursor.get(bytes.data(), header.length);
    cursor.get(bytes.data(), header.type);
    cursor.get(bytes.data(), header.op);
    cursor.get(bytes.data(), header.flags);
    cursor.get(bytes.data(), header.buffer);
    cursor.get(bytes.data(), header.forwarded);
    return header;
}

} // namespace rouse::uml
