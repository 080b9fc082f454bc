#pragma once
// What rouse-payload can do. It runs inside guests and under `rouse run`, as workload or by exec,
// and does one thing that a test can then look for. Every verb returns the exit status of the
// program: 0 when it did its work, 1 when what it checks is wrong, 2 when it could not do its work.

#include <span>
#include <string_view>

namespace rouse::payload {

using Words = std::span<const std::string_view>;

constexpr int wrong = 1;
constexpr int unable = 2;

/// Reads a number; K and M multiply by 1024 and 1024². Ends the program when it is not one.
unsigned long long number(std::string_view word);

/// Prints "rouse-payload: WHAT: the text of errno" to standard error and returns `unable`.
int failed(const char* what);

/// Does what `words` say: a verb and its arguments.
int perform(Words words);

// ends.cpp
int end_with(Words words);     ///< exit N
int kill_self(Words words);    ///< kill-self SIGNAL-NUMBER
int say(Words words);          ///< say STDOUT STDERR N: prints the two words, ends with N
int tell_signals(Words words); ///< tell-signals: prints each signal's number; ends at SIGTERM
int after_usr1(Words words);   ///< after-usr1 VERB…: does it once SIGUSR1 has come

// family.cpp
int orphans(Words words);  ///< orphans N: leaves N orphans behind that end all at once
int children(Words words); ///< children N: has N children end all at once, checks each status
int zombies(Words words);  ///< zombies: prints how many processes of this machine are zombies

// traced.cpp
int traced(Words words); ///< traced CODE: ends with CODE, traced by a child until stdin ends

// output.cpp
int sequence(Words words); ///< sequence [stdout SIZE] [stderr SIZE]: both streams at once
int sip(Words words);      ///< sip SIZE MILLISECONDS: stdin to stdout, SIZE bytes after each pause
/// trickle [SIZE [MILLISECONDS]]: so much of the sequence on both streams after each pause; 8 KiB,
/// 20 ms
int trickle(Words words);

// writers.cpp
int writes(Words words);      ///< writes SIZE TOTAL: the sequence on stdout, SIZE bytes a write
int lines(Words words);       ///< lines TOTAL: lines of 80 bytes on stdout, one a write
int nonblocking(Words words); ///< nonblocking TOTAL: the sequence on a non-blocking stdout
int close_early(Words words); ///< close-early TOTAL: both streams, stdout closed; until SIGTERM
int keep_pipe(Words words);   ///< keep-pipe TOTAL: leaves a child behind that keeps both pipes
int die_writing(Words words); ///< die-writing TOTAL: one write, killed at SIGUSR1 in the middle

// pressure.cpp
/// relentless SECONDS: the sequence on stdout without a pause; then on stderr how many bytes that
/// was, and how many microseconds a write was held at most. What a busy machine took does not
/// count: it is not what the agent did.
int relentless(Words words);
int clock(Words words);  ///< clock: answers each byte of stdin with the wall clock's nanoseconds
int stamps(Words words); ///< stamps: a block with the time on both streams, 250 times a second

// facts.cpp
int facts(Words words); ///< facts: prints what a process gets from the one that started it

// hunger.cpp
int take_memory(Words words); ///< take-memory SIZE: writes to all of it, says "taken"
int burn_cpu(Words words);    ///< burn-cpu MILLISECONDS: computes for so long, as the kernel counts
int limit_files(Words words); ///< limit-files PID N: so many descriptors may that process have
int fork_bomb(Words words);   ///< fork-bomb: forks for ever, as do its children

// forge.cpp
int say_hello(Words words); ///< say-hello PORT JSON: dials the host like an agent; 0: it refused

// loopback.cpp
int loopback(Words words); ///< connect-loopback PORT [UID]: asks the agent from inside the guest

} // namespace rouse::payload
