// Whether KVM really runs code here.
#pragma once

#include <string>

namespace rouse::lab {

/// Runs a virtual processor with a three-instruction program that must end by itself. Empty when
/// it did, otherwise the step that failed and why. Takes a second at most.
/// Source: Linux, Documentation/virt/kvm/api.rst.
[[nodiscard]] std::string kvm_problem();

} // namespace rouse::lab
