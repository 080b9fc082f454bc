#pragma once
// What a part of booting or of shutting down did, step by step. The caller logs it.

#include "agent/sys/result.hpp"

#include <string>
#include <utility>
#include <vector>

namespace rouse::boot {

struct Step {
    std::string name; ///< "mount /proc", "module virtio_pci.ko"
    bool ok = true;
    bool fatal = false;  ///< without it nothing that follows can work
    std::string message; ///< why it failed, or what is worth knowing; may be empty
};

class Report {
public:
    void add(Step step) { steps_.push_back(std::move(step)); }
    void add(std::string name, const sys::Result<>& result);
    void append(const Report& other);

    [[nodiscard]] const std::vector<Step>& steps() const { return steps_; }
    /// The first step that failed and is fatal; null when there is none. Borrowed.
    [[nodiscard]] const Step* fatal() const;

private:
    std::vector<Step> steps_;
};

} // namespace rouse::boot
