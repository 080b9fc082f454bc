#pragma once
// PID 1 of a VM: boots the guest, runs the agent, ends the VM.

namespace rouse {

/// The two regimes of PID 1. Until the agent runs, a failure is explained on the console and powers
/// the VM off; from then on the agent never ends by itself. Returns never.
[[noreturn]] void init();

} // namespace rouse
