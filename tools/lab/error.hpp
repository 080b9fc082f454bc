// The one exception of the lab: it names the thing, the reason and, where there is one, the remedy.
#pragma once

#include <stdexcept>
#include <string>

namespace rouse::lab {

/// Thrown by every function of the lab that fails. The message is for a person and, when a virtual
/// machine is concerned, ends with the last lines of its console.
class LabError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// The text of `error_number`, an errno value.
[[nodiscard]] std::string errno_text(int error_number);

} // namespace rouse::lab
