#include "tools/host/defence.hpp"

#ifdef ROUSE_TEST_BUILD

#include "proto/text.hpp"

#include <cstdlib>

namespace rouse::host {

bool link_key_is_off() {
    const char* const variable = std::getenv("ROUSE_DEFENCE_OFF");
    return variable != nullptr && proto::lists(variable, "link-key");
}

} // namespace rouse::host

#endif
